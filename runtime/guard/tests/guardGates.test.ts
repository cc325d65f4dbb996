import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Credential } from '../admission.ts';
import type { Permit } from '../permit.ts';
import type { GateReason } from '../../resilience/gates.ts';

const PRIMARY = 'model/primary';
const MOUNTED: Credential = { hash: 'm', mounted: true };
const CIRCUITS = [circuitOf({ openDurationMs: 10_000, maxOpenDurationMs: 30_000 })];

class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });

  constructor() {
    this.guard.apply(content({ circuits: CIRCUITS }));
  }

  permit(credential = MOUNTED): Permit {
    const answer = this.guard.dependency(PRIMARY)!.acquire({ credential });
    if (answer.kind !== 'Permit') throw new Error(JSON.stringify(answer));
    return answer;
  }

  shut(reason: GateReason, ms?: number, credential = MOUNTED): void {
    const permit = this.permit(credential);
    permit.shutGate(reason, ms);
    permit.settle(IGNORED);
  }

  /** Reason and time, or that it is granted. */
  answer(credential = MOUNTED): string {
    const answer = this.guard.dependency(PRIMARY)!.acquire({ credential });
    if (answer.kind === 'Permit') {
      answer.settle(IGNORED);
      return 'granted';
    }
    if (answer.kind !== 'Rejection') return answer.kind;
    return `${answer.rejection.reason} ${answer.rejection.retryAfterMs}`;
  }
}

describe('a gate with a stated end', () => {
  it.each([
    ['RateLimited', 'RateLimited'],
    ['SpendLimit', 'SpendLimit'],
    ['Unauthorized', 'CredentialRefused'],
  ] as const)('%s refuses calls until then, without a timer, and is shown', (reason, refused) => {
    const bench = new Bench();
    bench.shut(reason, 3_600_000);
    expect(bench.answer()).toBe(`${refused} 3600000`);
    expect(bench.clock.pending()).toBe(0);
    expect(bench.guard.gates()).toEqual([
      { dependency: PRIMARY, gate: reason, until: '2026-01-01T01:00:00.000Z' },
    ]);
    bench.clock.advance(3_600_000);
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    expect([bench.answer(), bench.answer()]).toEqual(['granted', 'granted']);
  });

  it('is not counted by the circuit', () => {
    const bench = new Bench();
    for (let i = 0; i < 9; i += 1)
      bench.guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED });
    bench.shut('RateLimited', 1000);
    expect(bench.guard.circuits()).toMatchObject([{ state: 'Closed' }]);
    expect(bench.guard.stats().circuits).toMatchObject([{ failures: {} }]);
  });

  it('ends at the last of several ends', () => {
    const bench = new Bench();
    const permits = [bench.permit(), bench.permit()];
    permits[0]!.shutGate('RateLimited', 5000);
    permits[1]!.shutGate('RateLimited', 3000);
    expect(bench.answer()).toBe('RateLimited 5000');
  });

  it('refuses a call that waits behind another one', async () => {
    const bench = new Bench();
    const [endpoint] = content().endpoints;
    bench.guard.apply(content({ endpoints: [{ ...endpoint!, maxConcurrent: 1 }] }));
    const first = bench.permit();
    const second = bench.guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED });
    first.shutGate('SpendLimit', 60_000);
    if (second.kind !== 'Waiting') throw new Error('it did not wait');
    expect(await second.admission).toMatchObject({ rejection: { reason: 'SpendLimit' } });
  });
});

describe('a gate without one', () => {
  it('lets one call through after openDuration, and is shut twice as long if that is refused', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    const waits = [10_000, 20_000, 30_000, 30_000].map((ms) => {
      expect(bench.answer()).toBe(`CredentialRefused ${ms}`);
      bench.clock.advance(ms);
      const probe = bench.permit();
      expect(bench.answer()).toBe('CredentialRefused 1000');
      expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'Unauthorized' }]);
      probe.shutGate('Unauthorized');
      probe.settle(IGNORED);
      return ms;
    });
    expect(waits).toHaveLength(4);
  });

  it('opens for all when that is served', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    bench.clock.advance(10_000);
    bench.permit().settle(OK);
    expect([bench.answer(), bench.answer()]).toEqual(['granted', 'granted']);
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
  });

  it('lets another through when the caller of that went away', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    bench.clock.advance(10_000);
    bench.permit().settle(IGNORED);
    bench.permit().settle(OK);
  });

  it('is not made longer by calls that were refused at the same time', () => {
    const bench = new Bench();
    const permits = Array.from({ length: 5 }, () => bench.permit());
    for (const permit of permits) permit.shutGate('Unauthorized');
    expect(bench.answer()).toBe('CredentialRefused 10000');
  });

  it('admits another probe after the circuit has rejected one', () => {
    const bench = new Bench();
    const client = { hash: 'client', mounted: false };
    bench.shut('Unauthorized');
    bench.clock.advance(5000);
    const failure = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' } as const;
    for (let i = 0; i < 5; i += 1) bench.permit(client).settle(failure);
    bench.clock.advance(5000);
    expect(bench.answer()).toBe('CircuitBreakerOpen 5000');
    bench.clock.advance(5000);
    expect(bench.answer()).toBe('granted');
  });

  it('lets a single call through at once with another mounted credential', () => {
    const bench = new Bench();
    const rotated = { hash: 'rotated', mounted: true };
    bench.shut('Unauthorized');
    bench.guard.useCredential(PRIMARY, 'rotated');
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'Unauthorized' }]);
    const probe = bench.permit(rotated);
    expect(bench.answer(rotated)).toBe('CredentialRefused 1000');
    probe.firstToken();
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    expect([bench.answer(rotated), bench.answer(rotated)]).toEqual(['granted', 'granted']);
  });

  it('is shut again for openDuration if that is refused as well', () => {
    const bench = new Bench();
    bench.shut('SpendLimit', 3_600_000);
    const rotated = { hash: 'rotated', mounted: true };
    bench.shut('SpendLimit', undefined, rotated);
    expect(bench.answer(rotated)).toBe('SpendLimit 20000');
  });
});

describe('a credential passed on by a caller', () => {
  it('gates nobody but itself and is not shown', () => {
    const bench = new Bench();
    const passed = { hash: 'alice', mounted: false };
    bench.shut('SpendLimit', 60_000, passed);
    expect(bench.answer(passed)).toBe('SpendLimit 60000');
    expect(bench.answer({ hash: 'bob', mounted: false })).toBe('granted');
    expect(bench.answer()).toBe('granted');
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
  });

  it('takes no more than a bounded amount of memory', () => {
    const bench = new Bench();
    for (let i = 0; i < 1001; i += 1) {
      bench.shut('SpendLimit', 60_000, { hash: `caller ${i}`, mounted: false });
    }
    expect(bench.answer({ hash: 'caller 0', mounted: false })).toBe('granted');
    expect(bench.answer({ hash: 'caller 1', mounted: false })).toBe('SpendLimit 60000');
  });
});
