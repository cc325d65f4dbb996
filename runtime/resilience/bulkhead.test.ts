import { describe, expect, it } from '@jest/globals';
import { Bulkhead } from './bulkhead.ts';
import type { BulkheadSpec, BulkheadWaiter } from './bulkhead.ts';

const SPEC: BulkheadSpec = { maxConcurrent: 1, maxQueued: 2, acquireTimeoutMs: 1000 };

/** A waiting call that notes its answer in `answers`. */
function waiter(name: string, answers: string[]): BulkheadWaiter {
  return {
    granted: (now) => answers.push(`${name} granted at ${now}`),
    expired: (now) => answers.push(`${name} expired at ${now}`),
  };
}

describe('a bulkhead', () => {
  it('admits no new call before the calls that wait, also when its bound has grown', () => {
    const bulkhead = new Bulkhead(SPEC);
    const answers: string[] = [];
    expect([bulkhead.acquire(), bulkhead.acquire()]).toEqual([true, false]);
    bulkhead.wait(waiter('first', answers), Infinity, 0);
    bulkhead.apply({ ...SPEC, maxConcurrent: 2 });
    expect([bulkhead.hasRoom, bulkhead.acquire()]).toEqual([false, false]);
    bulkhead.advance(5);
    expect([answers, bulkhead.active, bulkhead.queued]).toEqual([['first granted at 5'], 2, 0]);
  });

  it('ends each wait at its deadline or after acquireTimeout, and rejects beyond maxQueued', () => {
    const bulkhead = new Bulkhead(SPEC);
    const answers: string[] = [];
    bulkhead.acquire();
    bulkhead.wait(waiter('long', answers), Infinity, 0);
    bulkhead.wait(waiter('short', answers), 300, 0);
    expect(bulkhead.wait(waiter('third', answers), Infinity, 0)).toBeUndefined();
    expect(bulkhead.nextDeadline()).toBe(300);
    for (const now of [299, 300, 999, 1000]) bulkhead.advance(now);
    expect(answers).toEqual(['short expired at 300', 'long expired at 1000']);
  });
});
