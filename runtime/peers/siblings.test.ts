import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Sibling } from '../../contract/generated/types.ts';
import { Siblings } from './siblings.ts';

const sibling = (pod: string, inFlight = 0, queued = 0): Sibling => ({
  ...{ pod, address: `10.0.0.${pod}`, inFlight, queued, capacity: 4 },
});

describe('the siblings of a full pod', () => {
  let now: number;
  let random: number;
  let leader: { isOpen: boolean };
  let siblings: Siblings;

  beforeEach(() => {
    now = 0;
    random = 0;
    leader = { isOpen: true };
    siblings = new Siblings({ now: () => now, random: () => random, leader });
  });

  const chosen = (): string | undefined => siblings.choose()?.sibling.pod;

  it('get requests in proportion to their room', () => {
    siblings.apply([sibling('1', 3), sibling('2', 1), sibling('3', 2, 2)]);
    const picks = [0, 0.24, 0.25, 0.99].map((at) => {
      random = at;
      const loan = siblings.choose()!;
      loan.end();
      return loan.sibling.pod;
    });
    expect(picks).toEqual(['1', '1', '2', '2']);
  });

  it('get no more requests than their figures leave room for, until new figures arrive', () => {
    siblings.apply([sibling('1', 2)]);
    const loans = [siblings.choose()!, siblings.choose()!];
    expect(siblings.choose()).toBeUndefined();
    loans[0]!.end();
    expect(siblings.list()).toMatchObject([{ pod: '1', forwarded: 1 }]);
    expect(chosen()).toBe('1');
    // These figures include what was forwarded.
    siblings.apply([sibling('1', 3)]);
    expect(chosen()).toBe('1');
    expect(siblings.choose()).toBeUndefined();
    // The end of a request that the figures include makes no room.
    loans[1]!.end();
    expect(siblings.choose()).toBeUndefined();
  });

  it('keep their counts when the same figures arrive again', () => {
    siblings.apply([sibling('1', 3)]);
    expect(chosen()).toBe('1');
    siblings.apply([sibling('1', 3)]);
    expect(siblings.choose()).toBeUndefined();
  });

  it('get nothing for two seconds once they could not be reached', () => {
    siblings.apply([sibling('1')]);
    const loan = siblings.choose()!;
    loan.avoid();
    loan.end();
    siblings.apply([sibling('1', 1)]);
    now = 1999;
    expect(siblings.choose()).toBeUndefined();
    now = 2000;
    expect(chosen()).toBe('1');
  });

  it('are none without a link to the leader', () => {
    siblings.apply([sibling('1')]);
    leader.isOpen = false;
    expect([siblings.choose(), siblings.list()]).toEqual([undefined, []]);
  });
});
