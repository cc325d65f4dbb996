import { describe, expect, it } from '@jest/globals';
import { OK } from '../resilience/outcome.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Admission, Permit } from './admission.ts';
import { FakeClock } from './fakeClock.ts';
import { Guard } from './guard.ts';
import { circuitOf, content, limitOf } from './guardFixture.ts';

const NAME = 'model/primary';
const ENDPOINT = { name: 'primary', provider: 'Anthropic', baseURL: 'http://model.test' };
const KEY = { hash: 'k', mounted: true };
const FAILED = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' } as const;

function guarding(parts: Partial<Content> = {}): { guard: Guard; clock: FakeClock } {
  const clock = new FakeClock();
  const guard = new Guard({ clock });
  guard.apply(content(parts));
  return { guard, clock };
}

const immediately = (guard: Guard): Admission =>
  guard.acquire(NAME, { credential: KEY, immediate: true }) as Admission;
const granted = (admission: Admission): Permit => {
  if (admission.kind !== 'Permit') throw new Error(admission.rejection.reason);
  return admission.permit;
};
const reason = (admission: Admission): string =>
  admission.kind === 'Permit' ? 'granted' : admission.rejection.reason;

describe('how a dependency stands', () => {
  it('is unknown without it', () => {
    expect(guarding().guard.standing('model/none')).toBeUndefined();
  });

  it('is shut while the circuit is open, and usable by as many as may probe', () => {
    const { guard, clock } = guarding({
      circuits: [circuitOf({ trip: { consecutiveFailures: 1 } })],
    });
    granted(immediately(guard)).settle(FAILED);
    expect(guard.standing(NAME)).toEqual({ state: 'Shut', calls: 0 });
    clock.advance(60_000);
    expect(guard.standing(NAME)).toEqual({ state: 'Usable', calls: 0 });
    const probe = granted(immediately(guard));
    expect(guard.standing(NAME)).toEqual({ state: 'Shut', calls: 1 });
    probe.settle(OK);
    expect(guard.standing(NAME)).toEqual({ state: 'Usable', calls: 0 });
  });

  it('is usable when the circuit only decides in the shadow', () => {
    const circuit = circuitOf({ trip: { consecutiveFailures: 1 }, mode: 'Shadow' });
    const { guard } = guarding({ circuits: [circuit] });
    granted(immediately(guard)).settle(FAILED);
    expect(guard.circuits()[0]!.state).toBe('Open');
    expect(guard.standing(NAME)?.state).toBe('Usable');
  });

  it('is shut for the credential whose gate is', () => {
    const { guard, clock } = guarding();
    const permit = granted(immediately(guard));
    permit.shutGate('RateLimited', 3_600_000);
    permit.settle(OK);
    expect(guard.standing(NAME, KEY)?.state).toBe('Shut');
    expect(guard.standing(NAME, { hash: 'other', mounted: false })?.state).toBe('Usable');
    clock.advance(3_600_000);
    expect(guard.standing(NAME, KEY)?.state).toBe('Usable');
  });

  it('is full when a call would wait, and asking at once is refused and not counted', () => {
    const { guard } = guarding({ endpoints: [{ ...ENDPOINT, maxConcurrent: 1 }] });
    const first = granted(immediately(guard));
    expect(guard.standing(NAME)).toEqual({ state: 'Full', calls: 1 });
    expect(reason(immediately(guard))).toBe('BulkheadFull');
    expect(guard.stats().bulkheads).toMatchObject([{ active: 1, queued: 0, rejected: 0 }]);
    first.settle(OK);
    expect(guard.standing(NAME)).toEqual({ state: 'Usable', calls: 0 });
  });

  it('knows no limits, but asking at once does, uncounted', () => {
    const limit = limitOf({ target: NAME, capacity: 1, refill: { amount: 1, perMs: 60_000 } });
    const { guard } = guarding({ limits: [{ ...limit, onLimit: 'Queue', maxWaitMs: 90_000 }] });
    granted(immediately(guard)).settle(OK);
    expect(guard.standing(NAME)?.state).toBe('Usable');
    expect(reason(immediately(guard))).toBe('RateLimited');
    expect(guard.stats().limits).toMatchObject([{ requests: 1, rejected: 0 }]);
    expect(guard.standing(NAME)?.calls).toBe(0);
  });
});
