import { describe, expect, it } from '@jest/globals';
import { InFlightLimit } from './inflight.ts';
import { settle } from '../testing/fakeClock.ts';

/** Takes a place for each name; `order` tells who got in, and each is let go by the test. */
function crowd(limit: InFlightLimit): {
  order: string[];
  join: (name: string, lowPriority?: boolean) => void;
  leave: () => Promise<void>;
} {
  const order: string[] = [];
  const inside: (() => void)[] = [];
  return {
    order,
    join: (name, lowPriority) =>
      void limit.acquire(undefined, lowPriority).then((release) => {
        order.push(name);
        inside.push(release);
      }),
    leave: async () => {
      inside.shift()?.();
      await settle();
    },
  };
}

describe('requests in flight', () => {
  it('begin in the order in which they came, and those of low priority begin last', async () => {
    const { order, join, leave } = crowd(new InFlightLimit(1));
    join('first');
    join('status', true);
    join('a');
    join('b');
    for (let count = 0; count < 4; count++) await leave();
    expect(order).toEqual(['first', 'a', 'b', 'status']);
  });

  it('of low priority take every fourth free place while others wait', async () => {
    const { order, join, leave } = crowd(new InFlightLimit(1));
    join('first');
    for (const name of ['s', 't']) join(name, true);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) join(name);
    for (let count = 0; count < 10; count++) await leave();
    expect(order.join('')).toBe('firstabcsdeftg');
  });

  it('leave the queue when they are aborted', async () => {
    const limit = new InFlightLimit(1);
    const { order, join, leave } = crowd(limit);
    join('first');
    const stop = new AbortController();
    const waiting = limit.acquire(stop.signal, true);
    join('last', true);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await leave();
    expect(order).toEqual(['first', 'last']);
  });
});
