import { describe, expect, it } from '@jest/globals';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { Guard } from '../guard.ts';
import type { Circuit, Content } from '../../../contract/generated/types.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { AskedCall } from '../admission.ts';
import type { Admission, Permit, Waiting } from '../permit.ts';

const PRIMARY = 'model/primary';
const FAILED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const HALF_OPEN = { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 };
const POLICY = { trip: { consecutiveFailures: 1 }, openDurationMs: 5000, halfOpen: HALF_OPEN };

/** A guard with a circuit that was half-open from the start, and the answers that waiting calls got. */
class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });
  readonly answers: string[] = [];
  readonly permits: Permit[] = [];

  constructor(policy: Partial<Circuit> = {}, parts: Partial<Content> = {}) {
    this.apply(policy, parts);
    this.permit().settle(FAILED);
    this.clock.advance(this.guard.circuits()[0]!.state === 'Open' ? 5000 : 0);
  }

  apply(policy: Partial<Circuit> = {}, parts: Partial<Content> = {}): void {
    this.guard.apply(content({ circuits: [circuitOf({ ...POLICY, ...policy })], ...parts }));
  }

  ask(asked: AskedCall | undefined = {}): Admission | Waiting {
    return this.guard.dependency(PRIMARY)!.acquire(asked);
  }

  permit(): Permit {
    const answer = this.ask();
    if (answer.kind !== 'Permit') throw new Error(`it is a ${answer.kind}`);
    return answer;
  }

  /** Asks as many times, and notes what becomes of the calls. */
  wait(count = 1, asked: AskedCall = {}): Waiting[] {
    return Array.from({ length: count }, () => {
      const answer = this.ask(asked);
      if (answer.kind !== 'Waiting') throw new Error(`it is a ${answer.kind}`);
      void answer.admission.then((admission) => {
        if (admission.kind === 'Permit') this.permits.push(admission);
        this.answers.push(
          admission.kind === 'Permit' ? 'Permit' : JSON.stringify(admission.rejection),
        );
      });
      return answer;
    });
  }

  /** The answers so far. */
  async heard(): Promise<string[]> {
    for (let i = 0; i < 4; i += 1) await Promise.resolve();
    return this.answers.splice(0);
  }

  stats(): { inFlight: number; rejected: number; requests: number; state: string } {
    const [circuit] = this.guard.stats().circuits;
    const { inFlight, rejected, requests, state } = circuit!;
    return { inFlight, rejected, requests, state };
  }
}

const rejected = (retryAfterMs: number, reason = 'CircuitBreakerOpen'): string =>
  JSON.stringify({ reason, target: PRIMARY, retryAfterMs });

describe('calls beside the probe of a half-open circuit', () => {
  it('wait for it, and are all served when the circuit closes', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(19);
    bench.clock.advance(3000);
    expect(await bench.heard()).toEqual([]);
    probe.settle(OK);
    expect(await bench.heard()).toEqual(['Permit']);
    bench.permits.shift()!.settle(OK);
    expect(await bench.heard()).toHaveLength(18);
    expect(bench.stats()).toEqual({ inFlight: 18, rejected: 0, requests: 21, state: 'Closed' });
  });

  it('probe in turn when the probe has its first token', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(2);
    probe.firstToken();
    expect(await bench.heard()).toEqual(['Permit']);
  });

  it('are rejected with the reopened circuit when the probe fails', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(2);
    probe.settle(FAILED);
    expect(await bench.heard()).toEqual([rejected(10_000), rejected(10_000)]);
    expect(bench.stats()).toMatchObject({ inFlight: 0, rejected: 2, state: 'Open' });
  });

  it('probe in turn when the probe has no vote', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(2);
    probe.settle(IGNORED);
    expect(await bench.heard()).toEqual(['Permit']);
  });

  it('wait no longer than queueTimeout and their deadline', async () => {
    const bench = new Bench();
    bench.permit();
    bench.wait();
    bench.wait(1, { deadlineAt: bench.clock.now() + 4000 });
    bench.clock.advance(4000);
    expect(await bench.heard()).toEqual([rejected(0, 'Timeout')]);
    bench.clock.advance(5999);
    expect(await bench.heard()).toEqual([]);
    bench.clock.advance(1);
    expect(await bench.heard()).toEqual([rejected(1000)]);
    expect(bench.stats()).toMatchObject({ inFlight: 1, rejected: 2 });
  });

  it('wait in a number of at most maxQueued', () => {
    const bulkhead = { maxConcurrent: 100, maxQueued: 2, acquireTimeoutMs: 5000 };
    const bench = new Bench({}, { bulkhead });
    bench.permit();
    bench.wait(2);
    expect(bench.ask().kind).toBe('Rejection');
  });

  it('do not wait if another endpoint can serve, or if queueTimeout is 0', () => {
    const bench = new Bench();
    bench.permit();
    expect(bench.ask({ immediate: true }).kind).toBe('Rejection');
    bench.apply({ halfOpen: { ...HALF_OPEN, queueTimeoutMs: 0 } });
    expect(bench.ask().kind).toBe('Rejection');
  });

  it('do not wait if they have no vote, or in shadow mode', () => {
    const bench = new Bench();
    bench.permit();
    expect(bench.ask({ votes: false }).kind).toBe('Permit');
    const shadow = new Bench({ mode: 'Shadow' });
    shadow.permit();
    expect(shadow.ask().kind).toBe('Permit');
  });

  it('give up their place when their client leaves', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    const [first] = bench.wait(2);
    first!.cancel();
    expect(await bench.heard()).toEqual([rejected(0, 'Timeout').replace(PRIMARY, '')]);
    probe.settle(OK);
    expect(await bench.heard()).toEqual(['Permit']);
    expect(bench.stats()).toMatchObject({ inFlight: 1 });
  });

  it('are rejected when the probe shuts the gate of their credential', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(2);
    probe.refused('RateLimited', 7000);
    probe.settle(IGNORED);
    expect(await bench.heard()).toEqual([
      rejected(7000, 'RateLimited'),
      rejected(7000, 'RateLimited'),
    ]);
    expect(bench.stats()).toMatchObject({ inFlight: 0 });
  });

  it('keep waiting over a reload, and are served when an override closes the circuit', async () => {
    const bench = new Bench();
    bench.permit();
    bench.wait(2);
    bench.apply({ openDurationMs: 7000 });
    expect(await bench.heard()).toEqual([]);
    bench.apply({ override: { state: 'Closed' } });
    expect(await bench.heard()).toEqual(['Permit', 'Permit']);
  });

  it('are served when their dependency is removed', async () => {
    const bench = new Bench();
    const probe = bench.permit();
    bench.wait(2);
    bench.guard.apply(content({ endpoints: [] }));
    expect(await bench.heard()).toEqual(['Permit', 'Permit']);
    for (const permit of [probe, ...bench.permits]) permit.settle(OK);
    bench.apply();
    expect(bench.stats()).toMatchObject({ inFlight: 0, state: 'Closed' });
    expect(bench.guard.stats().settledTwice).toBe(0);
  });
});
