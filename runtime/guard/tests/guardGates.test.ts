import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { Guard } from '../guard.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Credential, Remaining } from '../admission.ts';
import type { Dependency } from '../dependency.ts';
import type { Permit } from '../permit.ts';
import type { GateReason } from '../../resilience/gates.ts';

const PRIMARY = 'model/primary';
const LIMITED: Outcome = { vote: 'failure', class: 'RateLimited', message: 'HTTP 429' };
const MOUNTED: Credential = { hash: 'm', mounted: true };
const CIRCUITS = [circuitOf({ policy: 'p', openDurationMs: 10_000, maxOpenDurationMs: 30_000 })];
const YEAR_MS = 31_622_400_000;

class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });

  constructor() {
    this.apply({});
  }

  apply(parts: Parameters<typeof content>[0]): void {
    this.guard.apply(content({ circuits: CIRCUITS, gates: { maxProviderWaitMs: 4000 }, ...parts }));
  }

  permit(credential = MOUNTED): Permit {
    const answer = this.guard.dependency(PRIMARY)!.acquire({ credential });
    if (answer.kind !== 'Permit') throw new Error(JSON.stringify(answer));
    return answer;
  }

  /** Refuses calls until the gate shuts, and returns how many that took. */
  shut(reason: GateReason, ms?: number, credential = MOUNTED): number {
    for (let count = 1; ; count += 1) {
      const permit = this.permit(credential);
      const wait = permit.refused(reason, ms);
      permit.settle(IGNORED);
      if (wait > 0) return count;
    }
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
  ] as const)('%s refuses calls until then, without a timer, and is shown', (reason, refused) => {
    const bench = new Bench();
    bench.shut(reason, 3600);
    expect(bench.answer()).toBe(`${refused} 3600`);
    expect(bench.clock.pending()).toBe(0);
    expect(bench.guard.gates()).toEqual([
      { dependency: PRIMARY, gate: reason, until: '2026-01-01T00:00:03.600Z' },
    ]);
    bench.clock.advance(3600);
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

  it('opens at the latest of several stated ends', () => {
    const bench = new Bench();
    const permits = [bench.permit(), bench.permit()];
    permits[0]!.refused('RateLimited', 3500);
    permits[1]!.refused('RateLimited', 3000);
    expect(bench.answer()).toBe('RateLimited 3500');
  });

  it('rejects a call that waits behind another one', async () => {
    const bench = new Bench();
    const [endpoint] = content().endpoints;
    bench.apply({ endpoints: [{ ...endpoint!, maxConcurrent: 1 }] });
    const first = bench.permit();
    const second = bench.guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED });
    first.refused('SpendLimit', 60_000);
    if (second.kind !== 'Waiting') throw new Error('it did not wait');
    expect(await second.admission).toMatchObject({ rejection: { reason: 'SpendLimit' } });
  });
});

describe('a gate with a stated end that is later than maxWait', () => {
  it('admits one call after maxWait, and waits twice as long after each refusal', () => {
    const bench = new Bench();
    bench.shut('RateLimited', YEAR_MS);
    for (const ms of [4000, 8000, 16_000, 32_000]) {
      expect(bench.answer()).toBe(`RateLimited ${ms}`);
      bench.clock.advance(ms);
      const probe = bench.permit();
      expect(bench.answer()).toBe('RateLimited 1000');
      expect(probe.refused('RateLimited', YEAR_MS)).toBe(2 * ms);
      probe.settle(IGNORED);
    }
    bench.clock.advance(64_000);
    bench.permit().settle(OK);
    expect([bench.answer(), bench.answer()]).toEqual(['granted', 'granted']);
  });

  it('opens for all calls at the stated end if that is earlier', () => {
    const bench = new Bench();
    bench.shut('RateLimited', 10_000);
    bench.clock.advance(4000);
    bench.shut('RateLimited', 6000);
    expect(bench.answer()).toBe('RateLimited 6000');
    bench.clock.advance(6000);
    expect([bench.answer(), bench.answer()]).toEqual(['granted', 'granted']);
  });

  it('starts again with one second when the provider no longer states a time', () => {
    const bench = new Bench();
    bench.shut('RateLimited', YEAR_MS);
    bench.clock.advance(4000);
    bench.shut('RateLimited');
    expect(bench.answer()).toBe('RateLimited 1000');
  });

  it('follows a changed maxWait, counted from the time when it shut', () => {
    const bench = new Bench();
    bench.shut('SpendLimit', YEAR_MS);
    bench.clock.advance(1000);
    bench.apply({ gates: { maxProviderWaitMs: 60_000 } });
    expect(bench.answer()).toBe('SpendLimit 59000');
    bench.apply({ gates: { maxProviderWaitMs: 1500 } });
    expect(bench.answer()).toBe('SpendLimit 500');
    bench.clock.advance(500);
    expect([bench.answer(), bench.guard.gates()[0]!.gate]).toEqual(['granted', 'SpendLimit']);
  });
});

describe('a gate without a stated end', () => {
  it('admits one call after a second, and shuts for twice as long if that is refused', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    const waits = [1000, 2000, 4000, 4000].map((ms) => {
      expect(bench.answer()).toBe(`CredentialRefused ${ms}`);
      bench.clock.advance(ms);
      const probe = bench.permit();
      expect(bench.answer()).toBe('CredentialRefused 1000');
      expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'Unauthorized' }]);
      probe.refused('Unauthorized');
      probe.settle(IGNORED);
      return ms;
    });
    expect(waits).toHaveLength(4);
  });

  it('opens for all calls when the admitted call is served', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    bench.clock.advance(1000);
    bench.permit().settle(OK);
    expect([bench.answer(), bench.answer()]).toEqual(['granted', 'granted']);
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
  });

  it('admits another call when the client of the admitted one leaves', () => {
    const bench = new Bench();
    bench.shut('Unauthorized');
    bench.clock.advance(1000);
    bench.permit().settle(IGNORED);
    bench.permit().settle(OK);
  });

  it('does not shut for longer because of calls that are refused at the same time', () => {
    const bench = new Bench();
    const permits = Array.from({ length: 5 }, () => bench.permit());
    for (const permit of permits) permit.refused('Unauthorized');
    expect(bench.answer()).toBe('CredentialRefused 1000');
  });

  it('admits another probe after the circuit has rejected one', () => {
    const bench = new Bench();
    const client = { hash: 'client', mounted: false };
    bench.shut('Unauthorized');
    const failure = { vote: 'failure', class: 'ServerError', message: 'HTTP 500' } as const;
    for (let i = 0; i < 5; i += 1) bench.permit(client).settle(failure);
    bench.clock.advance(5000);
    expect(bench.answer()).toBe('CircuitBreakerOpen 5000');
    bench.clock.advance(5000);
    expect(bench.answer()).toBe('granted');
  });

  it('admits a single call at once with another mounted credential', () => {
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

  it('finds an open gate where the former one is served again while its gate opens', () => {
    const bench = new Bench();
    const rotated = { hash: 'rotated', mounted: true };
    bench.shut('Unauthorized');
    bench.clock.advance(4000);
    bench.permit().firstToken();
    bench.guard.useCredential(PRIMARY, 'rotated');
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    expect([bench.answer(rotated), bench.answer(rotated)]).toEqual(['granted', 'granted']);
  });

  it('shuts for two seconds if that call is refused as well', () => {
    const bench = new Bench();
    bench.shut('SpendLimit', 3_600_000);
    const rotated = { hash: 'rotated', mounted: true };
    bench.shut('SpendLimit', undefined, rotated);
    expect(bench.answer(rotated)).toBe('SpendLimit 2000');
  });
});

describe('a credential passed on by a client', () => {
  it('has a gate of its own, which is not reported', () => {
    const bench = new Bench();
    const passed = { hash: 'alice', mounted: false };
    bench.shut('SpendLimit', 60_000, passed);
    expect(bench.answer(passed)).toBe('SpendLimit 4000');
    expect(bench.answer({ hash: 'bob', mounted: false })).toBe('granted');
    expect(bench.answer()).toBe('granted');
    expect(bench.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
  });

  it('takes a bounded amount of memory', () => {
    const bench = new Bench();
    for (let i = 0; i < 1001; i += 1) {
      bench.shut('SpendLimit', 60_000, { hash: `caller ${i}`, mounted: false });
    }
    expect(bench.answer({ hash: 'caller 0', mounted: false })).toBe('granted');
    expect(bench.answer({ hash: 'caller 1', mounted: false })).toBe('SpendLimit 4000');
  });
});

describe('one refusal', () => {
  const refuse = (
    bench: Bench,
    reason: GateReason,
    ms?: number,
    stated: Remaining[] = [],
  ): number => {
    const answer = bench.guard
      .dependency(PRIMARY)!
      .acquire({ credential: MOUNTED, others: { canServe: () => false } });
    if (answer.kind !== 'Permit') throw new Error(JSON.stringify(answer));
    const wait = answer.refused(reason, ms, stated);
    answer.settle(reason === 'RateLimited' ? LIMITED : IGNORED);
    return wait;
  };

  it.each(['Unauthorized', 'RateLimited'] as const)(
    'without a time does not shut a key: %s in 2 %% of the calls leaves it open',
    (reason) => {
      const bench = new Bench();
      let rejected = 0;
      for (let i = 0; i < 5000; i += 1) {
        bench.clock.advance(100);
        const answer = bench.guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED });
        if (answer.kind !== 'Permit') rejected += 1;
        else if (i % 50 === 49) {
          answer.refused(reason);
          answer.settle(IGNORED);
        } else answer.settle(OK);
      }
      expect(rejected).toBe(0);
    },
  );

  it.each(['Unauthorized', 'RateLimited'] as const)(
    'without a time shuts a key as the fifth: %s',
    (reason) => {
      expect(new Bench().shut(reason)).toBe(5);
    },
  );

  it('with a time shuts a key at once, but not at the last endpoint that can serve', () => {
    expect(new Bench().shut('RateLimited', 2000)).toBe(1);
    const last = new Bench();
    expect([1, 2, 3, 4, 5].map(() => refuse(last, 'RateLimited', 2000))).toEqual([
      0, 0, 0, 0, 2000,
    ]);
  });

  it('that states that nothing is left shuts it at once there, too', () => {
    const left = (remaining: number): Remaining[] => [
      { resource: 'Requests', remaining, limit: 50 },
    ];
    expect(refuse(new Bench(), 'RateLimited', 2000, left(3))).toBe(0);
    expect(refuse(new Bench(), 'RateLimited', 2000, left(0))).toBe(2000);
  });

  it('of a spend limit shuts it at once', () => {
    expect(refuse(new Bench(), 'SpendLimit')).toBe(1000);
  });

  it('never shuts the last endpoint that can serve while it serves a tenth', () => {
    const bench = new Bench();
    for (let i = 0; i < 10; i += 1) bench.permit().settle(OK);
    for (let i = 0; i < 80; i += 1) expect(refuse(bench, 'RateLimited')).toBe(0);
    bench.clock.advance(10_000);
    expect(refuse(bench, 'RateLimited')).toBe(1000);
  });
});

describe('a 429 to a giant request that states what is left', () => {
  const stated: Remaining[] = [
    { resource: 'InputTokens', remaining: 150_500, limit: 400_000, resetMs: 60_000 },
  ];
  const ask = (bench: Bench, inputTokens: number): ReturnType<Dependency['acquire']> =>
    bench.guard
      .dependency(PRIMARY)!
      .acquire({ credential: MOUNTED, cost: { inputTokens, outputTokens: 0 } });

  it('holds back requests above that, and no small ones', () => {
    const bench = new Bench();
    const giant = ask(bench, 200_000) as Permit;
    bench.guard.dependency(PRIMARY)!.learn(stated, MOUNTED.hash);
    expect(giant.refused('RateLimited', 30_000, stated)).toBe(0);
    giant.settle(LIMITED);
    expect(ask(bench, 200_000)).toMatchObject({ rejection: { reason: 'RateLimited' } });
    for (let i = 0; i < 99; i += 1) expect(ask(bench, 500).kind).toBe('Permit');
  });

  it('shuts the gate if the request was smaller than that', () => {
    const small = ask(new Bench(), 500) as Permit;
    expect(small.refused('RateLimited', 3000, stated)).toBe(3000);
  });
});

describe('a gate whose wait is over', () => {
  const opening = (): Bench => {
    const bench = new Bench();
    bench.shut('RateLimited', 1000);
    bench.clock.advance(1000);
    return bench;
  };
  /** How many calls it admits now, which do not end. */
  const admitted = (bench: Bench): number =>
    Array.from({ length: 30 }, () =>
      bench.guard.dependency(PRIMARY)!.acquire({ credential: MOUNTED }),
    ).filter(({ kind }) => kind === 'Permit').length;

  it('admits all others 4 s after a slow call, and some before', () => {
    const bench = opening();
    const counts = [0, 999, 1, 1000, 1999, 1].map((ms) => {
      bench.clock.advance(ms);
      return admitted(bench);
    });
    expect(counts).toEqual([1, 0, 1, 2, 0, 30]);
  });

  it('admits all others once three calls were served', () => {
    const bench = opening();
    for (let i = 0; i < 3; i += 1) {
      const permit = bench.permit();
      expect(bench.answer()).toBe('RateLimited 1000');
      permit.settle(OK);
    }
    expect(admitted(bench)).toBe(30);
  });

  it('shuts again, for twice as long, when one of them is refused', () => {
    const bench = opening();
    bench.permit();
    bench.clock.advance(1000);
    bench.permit().refused('RateLimited', 60_000);
    expect(bench.answer()).toBe('RateLimited 8000');
  });
});

describe('a reset of the circuit', () => {
  const reset = (bench: Bench, token: string): void =>
    bench.apply({ circuits: [{ ...CIRCUITS[0]!, resetToken: token }] });

  it('opens all gates once, and ends the pause of the provider', () => {
    const bench = new Bench();
    const passed = { hash: 'alice', mounted: false };
    bench.guard.useCredential(PRIMARY, MOUNTED.hash);
    bench.shut('SpendLimit', YEAR_MS, passed);
    bench.guard
      .dependency(PRIMARY)!
      .learn([{ resource: 'Requests', remaining: 0, resetMs: 4000 }], MOUNTED.hash);
    expect(bench.answer()).toBe('RateLimited 4000');
    reset(bench, '1');
    expect([bench.answer(), bench.answer(passed)]).toEqual(['granted', 'granted']);
    bench.shut('Unauthorized');
    reset(bench, '1');
    expect(bench.answer()).toBe('CredentialRefused 1000');
    reset(bench, '2');
    expect(bench.answer()).toBe('granted');
  });

  it('that a process missed opens its restored gates', () => {
    const before = new Bench();
    reset(before, '1');
    before.shut('SpendLimit', YEAR_MS);
    const after = new Bench();
    reset(after, '2');
    after.guard.restore(before.guard.snapshot(), 60_000);
    expect(after.guard.gates()).toEqual([{ dependency: PRIMARY, gate: 'None' }]);
    const same = new Bench();
    reset(same, '1');
    same.guard.restore(before.guard.snapshot(), 60_000);
    expect(same.guard.gates()).toMatchObject([{ gate: 'SpendLimit' }]);
  });
});

describe('an override of the circuit', () => {
  it('keeps a shut gate shut', () => {
    const bench = new Bench();
    bench.shut('SpendLimit', 3000);
    bench.apply({ circuits: [{ ...CIRCUITS[0]!, override: { state: 'Closed' } }] });
    expect(bench.answer()).toBe('SpendLimit 3000');
  });
});
