import { describe, expect, it } from '@jest/globals';
import { type Attempt, AttemptQueue } from './attemptQueue.ts';

/** A queue of attempts with names; `begun` tells which began, in order. */
function queue(
  first: number,
  repeated: number,
): {
  begun: string[];
  join: (name: string, attempt?: Partial<Attempt>) => void;
  leave: (...names: string[]) => void;
} {
  const attempts = new AttemptQueue({ first, repeated });
  const begun: string[] = [];
  const places = new Map<string, () => void>();
  return {
    begun,
    join: (name, attempt = {}) => {
      const whole = { namespace: 'a', failures: 0, timeouts: 0, ...attempt };
      const place = attempts.take(whole, () => begun.push(name));
      places.set(name, place);
    },
    leave: (...names) => names.forEach((name) => places.get(name)!()),
  };
}

describe('attempts', () => {
  it('run a bounded number at a time, in the order of their arrival', () => {
    const { begun, join, leave } = queue(2, 1);
    for (const name of ['1', '2', '3', '4', '5']) join(name);
    expect(begun).toEqual(['1', '2']);
    leave('2', '2');
    expect(begun).toEqual(['1', '2', '3']);
    leave('4', '3', '1');
    expect(begun).toEqual(['1', '2', '3', '5']);
  });

  it('at a pod for the first time do not wait for repeated ones', () => {
    const { begun, join, leave } = queue(1, 1);
    for (const name of ['r1', 'r2', 'r3']) join(name, { failures: 1 });
    join('f1');
    join('f2');
    expect(begun).toEqual(['r1', 'f1']);
    leave('f1');
    expect(begun).toEqual(['r1', 'f1', 'f2']);
    leave('f2');
    expect(begun).toEqual(['r1', 'f1', 'f2']);
    leave('r1');
    expect(begun).toEqual(['r1', 'f1', 'f2', 'r2']);
  });

  it('with fewer timeouts run before those with more, and refused ones before all', () => {
    const { begun, join, leave } = queue(1, 1);
    join('held', { failures: 1 });
    for (let pod = 0; pod < 100; pod++) join(`dead-${pod}`, { failures: 12, timeouts: 12 });
    join('slow', { failures: 3, timeouts: 1 });
    join('starting', { failures: 3 });
    leave('held', 'starting', 'slow');
    expect(begun).toEqual(['held', 'starting', 'slow', 'dead-0']);
  });

  it.each([0, 1])('with %d failures take turns by namespace', (failures) => {
    const { begun, join, leave } = queue(1, 1);
    for (let pod = 0; pod < 100; pod++) join(`large-${pod}`, { namespace: 'large', failures });
    join('small-0', { namespace: 'small', failures });
    join('small-1', { namespace: 'small', failures });
    join('other-0', { namespace: 'other', failures });
    leave('large-0', 'large-1', 'small-0', 'other-0', 'large-2', 'small-1');
    expect(begun).toEqual([
      ...['large-0', 'large-1', 'small-0', 'other-0', 'large-2', 'small-1'],
      'large-3',
    ]);
  });
});
