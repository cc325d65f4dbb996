import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import {
  Affinity,
  CACHE_LIFETIME_MS,
  LONG_CACHE_LIFETIME_MS,
  MAX_SESSIONS_AWAY,
} from './affinity.ts';
import type { Placed, Session } from './affinity.ts';
import { rendezvous } from './rendezvous.ts';

const A: Placed = { name: 'a', weight: 1, priority: 0 };
const B: Placed = { name: 'b', weight: 1, priority: 0 };
const SPARE: Placed = { name: 'spare', weight: 1, priority: 1 };
const ALL = [A, B, SPARE];

/** Sessions that belong to an endpoint. */
function sessionsOf(place: Placed, count = 1, cacheMs = CACHE_LIFETIME_MS): Session[] {
  const found: Session[] = [];
  for (let i = 0; found.length < count; i += 1) {
    const key = `session ${i}`;
    if (rendezvous(key, [A, B]) === place) found.push({ key, cacheMs });
  }
  return found;
}

describe('affinity', () => {
  it('remembers no session that its own endpoint serves', () => {
    const affinity = new Affinity(() => 0);
    for (const session of sessionsOf(A, 100)) {
      expect(affinity.prefer(session, ALL)).toBe(A);
      affinity.served(session, A, ALL);
    }
    expect(affinity.away).toBe(0);
  });

  it.each([
    ['5 minutes', CACHE_LIFETIME_MS],
    ['1 hour', LONG_CACHE_LIFETIME_MS],
  ])('returns a session to its own endpoint %s after its last request elsewhere', (_, cacheMs) => {
    const clock = new FakeClock();
    const affinity = new Affinity(() => clock.now());
    const [session] = sessionsOf(A, 1, cacheMs) as [Session];
    expect(affinity.prefer(session, [B, SPARE])).toBe(B);
    for (let i = 0; i < 3; i += 1) {
      affinity.served(session, B, ALL);
      clock.advance(cacheMs - 1);
      expect(affinity.prefer(session, ALL)).toBe(B);
    }
    clock.advance(1);
    expect(affinity.prefer(session, ALL)).toBe(A);
    affinity.served(session, A, ALL);
    expect(affinity.away).toBe(0);
  });

  it('returns a session from a lower priority at once', () => {
    const affinity = new Affinity(() => 0);
    const [session] = sessionsOf(A) as [Session];
    expect(affinity.prefer(session, [SPARE])).toBe(SPARE);
    affinity.served(session, SPARE, ALL);
    expect(affinity.prefer(session, ALL)).toBe(A);
  });

  it('forgets the endpoint of a session when it is removed', () => {
    const affinity = new Affinity(() => 0);
    const [session] = sessionsOf(A) as [Session];
    affinity.served(session, B, ALL);
    expect(affinity.prefer(session, [A, SPARE])).toBe(A);
  });

  it('remembers a bounded number of sessions', () => {
    const affinity = new Affinity(() => 0);
    const all = sessionsOf(A, MAX_SESSIONS_AWAY + 1);
    for (const session of all) affinity.served(session, B, ALL);
    expect(affinity.away).toBe(MAX_SESSIONS_AWAY);
    expect(affinity.prefer(all[0]!, ALL)).toBe(A);
    expect(affinity.prefer(all[1]!, ALL)).toBe(B);
  });
});
