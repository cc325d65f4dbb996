import { describe, expect, it } from '@jest/globals';
import type { Availability } from '../../guard/admission.ts';
import { SuccessRate } from '../../resilience/successRate.ts';
import { content } from '../../testing/guardFixture.ts';
import { Guard } from '../../guard/guard.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { AskedRequest } from '../provider/provider.ts';
import { Pool } from './pool.ts';
import type { Member } from './pool.ts';

const FAILED: Outcome = { vote: 'failure', class: 'ServerError', message: '' };
const ENDPOINTS = ['a', 'b', 'c'].map((name, i) => ({
  name,
  provider: 'Anthropic',
  weight: 1,
  baseURL: 'http://model.test',
  ...(name === 'b' && { maxConcurrent: 4, weight: 3 }),
  priority: i === 2 ? 1 : 0,
}));

function refuse(): never {
  throw new Error('nothing is to be called');
}

function pooling(calls: Record<string, number>): Pool {
  const availability = (dependency: string): Availability | undefined => {
    const known = calls[dependency];
    return known === undefined ? undefined : { state: 'Usable', calls: known };
  };
  return new Pool({
    identities: { of: () => undefined },
    network: { lacking: () => undefined },
    guard: {
      dependency: (name) => ({
        name,
        present: name in calls,
        acquire: refuse,
        learn: () => undefined,
        availability: () => availability(name),
        obstacle: () => undefined,
        serves: () => true,
        hasServed: () => true,
        mostlyFails: () => false,
        successes: new SuccessRate(),
      }),
    },
    credentials: { mounted: () => undefined, read: () => undefined },
    now: () => 0,
    random: () => 0,
  });
}

const asked = (headers: string[] = []): AskedRequest => ({
  ...{ method: 'POST', expected: 'Message', headers, body: Buffer.alloc(0), model: 'opus' },
});

describe('the pool', () => {
  it('measures load by the bound of the endpoint, or else of the agent', () => {
    const pool = pooling({ 'model/a': 5, 'model/b': 1, 'model/c': 0 });
    const bounded = content({
      endpoints: ENDPOINTS,
      bulkhead: { maxConcurrent: 10, maxQueued: 0, acquireTimeoutMs: 1 },
    });
    const shown = pool.state(bounded, ENDPOINTS);
    expect(shown.map(({ load }) => load)).toEqual([0.5, 0.25, 0]);
    expect(shown.map(({ weight, priority }) => [weight, priority])).toEqual([
      [1, 0],
      [3, 0],
      [1, 1],
    ]);
    const { members } = pool.members(ENDPOINTS, asked());
    const least = pool.choose(bounded, pool.candidates(members, bounded));
    expect(least?.name).toBe('b');
  });

  it('uses LeastLoaded for an unknown strategy', () => {
    const pool = pooling({ 'model/a': 5, 'model/b': 1 });
    const { members } = pool.members(ENDPOINTS, asked());
    const chosen = pool.choose({ loadBalancing: 'Fastest' }, pool.candidates(members, content()));
    expect(chosen?.name).toBe('a');
  });

  it('leaves out endpoints that a reload has removed', () => {
    expect(pooling({ 'model/b': 0 }).members(ENDPOINTS, asked()).members).toMatchObject([
      { dependency: 'model/b' },
    ]);
  });

  it('distinguishes credentials of clients by their hash', () => {
    const pool = pooling({ 'model/a': 0, 'model/b': 0 });
    const hashes = (...headers: string[]): string[] =>
      pool.members(ENDPOINTS, asked(headers)).members.map(({ credential }) => credential.hash);
    const [one, same] = hashes('X-Api-Key', 'one');
    expect(one).toBe(same);
    expect(one).not.toContain('one');
    expect(hashes('x-api-key', 'two')[0]).not.toBe(one);
  });

  it('forgets what the former address of an endpoint served', () => {
    const clock = new FakeClock();
    const guard = new Guard({ clock });
    const pool = new Pool({
      ...{
        guard,
        identities: { of: () => undefined },
        network: { lacking: () => undefined },
        now: () => clock.now(),
        random: () => 0,
      },
      credentials: { mounted: () => undefined, read: () => undefined },
    });
    const apply = (baseURL: string): Member => {
      const endpoints = [{ ...ENDPOINTS[0]!, baseURL }];
      guard.apply(content({ endpoints }));
      return pool.members(endpoints, asked()).members[0]!;
    };
    const share = (member: Member): number => pool.candidates([member], content())[0]!.successShare;
    const before = apply('http://one.test');
    pool.record(before, FAILED);
    expect(share(apply('http://one.test'))).toBe(0);
    const after = apply('http://two.test');
    pool.record(before, FAILED);
    expect(share(after)).toBe(1);
  });
});
