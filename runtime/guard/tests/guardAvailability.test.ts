import { describe, expect, it } from '@jest/globals';
import { OK } from '../../resilience/outcome.ts';
import type { Content } from '../../../contract/generated/types.ts';
import type { Admission, Permit } from '../permit.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';

const NAME = 'model/primary';
const ENDPOINT = {
  name: 'primary',
  provider: 'Anthropic',
  priority: 0,
  weight: 1,
  baseURL: 'http://model.test',
};
const KEY = { hash: 'k', mounted: true };
const FAILED = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' } as const;

function guarding(parts: Partial<Content> = {}): { guard: Guard; clock: FakeClock } {
  const clock = new FakeClock();
  const guard = new Guard({ clock });
  guard.apply(content(parts));
  return { guard, clock };
}

const immediately = (guard: Guard): Admission =>
  guard.dependency(NAME)!.acquire({ credential: KEY, immediate: true }) as Admission;
const granted = (admission: Admission): Permit => {
  if (admission.kind !== 'Permit') throw new Error(admission.rejection.reason);
  return admission.permit;
};
const reason = (admission: Admission): string =>
  admission.kind === 'Permit' ? 'granted' : admission.rejection.reason;

describe('the availability of a dependency', () => {
  it('is undefined once the configuration no longer has it', () => {
    const { guard } = guarding();
    const dependency = guard.dependency(NAME)!;
    guard.apply(content({ endpoints: [] }));
    expect(dependency.availability()).toBeUndefined();
  });

  it('is shut while the circuit is open, and then usable for as many calls as may probe', () => {
    const { guard, clock } = guarding({
      circuits: [circuitOf({ trip: { consecutiveFailures: 1 } })],
    });
    granted(immediately(guard)).settle(FAILED);
    expect(guard.dependency(NAME)!.availability()).toEqual({ state: 'Shut', calls: 0 });
    clock.advance(60_000);
    expect(guard.dependency(NAME)!.availability()).toEqual({
      state: 'Usable',
      calls: 0,
      probe: true,
    });
    const probe = granted(immediately(guard));
    expect(guard.dependency(NAME)!.availability()).toEqual({ state: 'Shut', calls: 1 });
    probe.settle(OK);
    expect(guard.dependency(NAME)!.availability()).toEqual({
      state: 'Usable',
      calls: 0,
      probe: true,
    });
    granted(immediately(guard)).settle(OK);
    expect(guard.dependency(NAME)!.availability()).toEqual({ state: 'Usable', calls: 0 });
  });

  it('is usable if the circuit is in shadow mode', () => {
    const circuit = circuitOf({ trip: { consecutiveFailures: 1 }, mode: 'Shadow' });
    const { guard } = guarding({ circuits: [circuit] });
    granted(immediately(guard)).settle(FAILED);
    expect(guard.circuits()[0]!.state).toBe('Open');
    expect(guard.dependency(NAME)!.availability()?.state).toBe('Usable');
  });

  it('is shut for a credential with a shut gate', () => {
    const { guard, clock } = guarding();
    const permit = granted(immediately(guard));
    permit.refused('RateLimited', 3_600_000);
    permit.settle(OK);
    expect(guard.dependency(NAME)!.availability(KEY)?.state).toBe('Shut');
    expect(guard.dependency(NAME)!.availability({ hash: 'other', mounted: false })?.state).toBe(
      'Usable',
    );
    clock.advance(3_600_000);
    expect(guard.dependency(NAME)!.availability(KEY)?.state).toBe('Usable');
  });

  it('is full when a call would wait; an immediate call is then rejected without being counted', () => {
    const { guard } = guarding({ endpoints: [{ ...ENDPOINT, maxConcurrent: 1 }] });
    const first = granted(immediately(guard));
    expect(guard.dependency(NAME)!.availability()).toEqual({ state: 'Full', calls: 1 });
    expect(reason(immediately(guard))).toBe('BulkheadFull');
    expect(guard.stats().bulkheads).toMatchObject([
      { target: 'inbound' },
      { target: NAME, active: 1, queued: 0, rejected: 0 },
    ]);
    first.settle(OK);
    expect(guard.dependency(NAME)!.availability()).toEqual({ state: 'Usable', calls: 0 });
  });

  it('does not depend on limits, which reject an immediate call without counting it', () => {
    const limit = limitOf({ target: NAME, capacity: 1, refill: { amount: 1, perMs: 60_000 } });
    const { guard } = guarding({ limits: [{ ...limit, onLimit: 'Queue', maxWaitMs: 90_000 }] });
    granted(immediately(guard)).settle(OK);
    expect(guard.dependency(NAME)!.availability()?.state).toBe('Usable');
    expect(reason(immediately(guard))).toBe('RateLimited');
    expect(guard.stats().limits).toMatchObject([{ requests: 1, rejected: 0 }]);
    expect(guard.dependency(NAME)!.availability()?.calls).toBe(0);
  });
});
