import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import { Guard } from '../guard.ts';
import type { Content, Transition } from '../../../contract/generated/types.ts';
import type { FailureClass, Outcome } from '../../resilience/outcome.ts';
import type { AskedCall } from '../admission.ts';
import type { GuardSnapshot } from '../guard.ts';
import type { Permit } from '../permit.ts';

const PRIMARY = 'model/primary';
const ENDPOINT = {
  ...{ name: 'primary', provider: 'Anthropic', priority: 0, weight: 1 },
  baseURL: 'http://model.test',
};
const MOUNTED = { hash: 'm', mounted: true };
const CIRCUIT = circuitOf({
  trip: { consecutiveFailures: 2 },
  openDurationMs: 1000,
  maxOpenDurationMs: 1000,
  halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
});

const failure = (name: FailureClass = 'ServerError'): Outcome => {
  return { vote: 'failure', class: name, message: name };
};

class Bench {
  readonly clock = new FakeClock();
  readonly transitions: Transition[] = [];
  readonly guard = new Guard({
    clock: this.clock,
    listener: { transition: (transition) => void this.transitions.push(transition) },
  });

  constructor(parts: Partial<Content> = {}) {
    this.apply(parts);
    this.guard.useCredential(PRIMARY, MOUNTED.hash);
  }

  apply(parts: Partial<Content>): void {
    this.guard.apply(content({ circuits: [CIRCUIT], ...parts }));
  }

  acquire(model: string, asked: AskedCall = {}): Permit | string {
    const answer = this.guard
      .dependency(PRIMARY)!
      .acquire({ credential: MOUNTED, model, ...asked });
    if (answer.kind === 'Waiting') throw new Error('it waits');
    return answer.kind === 'Permit' ? answer : answer.rejection.reason;
  }

  /** ok, or why it was rejected. */
  call(model: string, outcome: Outcome = OK, asked: AskedCall = {}): string {
    this.clock.advance(1);
    const permit = this.acquire(model, asked);
    if (typeof permit === 'string') return permit;
    permit.settle(outcome);
    return 'ok';
  }

  fail(model: string, name?: FailureClass): void {
    for (let i = 0; i < 2; i += 1) this.call(model, failure(name));
  }

  limit(model: string, asked: AskedCall = {}): void {
    const permit = this.acquire(model, asked) as Permit;
    permit.refused('RateLimited', 60_000);
    permit.settle({ vote: 'ignored' });
  }

  /** State of each circuit, by model; that of the other models as ''. */
  states(): Record<string, string> {
    return Object.fromEntries(this.guard.circuits().map(({ model = '', state }) => [model, state]));
  }
}

describe('the state of an endpoint', () => {
  it('is a single one, which becomes that of its only model', () => {
    const bench = new Bench();
    expect(bench.states()).toEqual({ '': 'Closed' });
    bench.call('opus');
    expect(bench.states()).toEqual({ opus: 'Closed' });
    bench.fail('opus');
    expect(bench.states()).toEqual({ opus: 'Open' });
    expect(bench.call('opus')).toBe('CircuitBreakerOpen');
    expect(bench.transitions).toMatchObject([{ dependency: PRIMARY, model: 'opus', to: 'Open' }]);
  });

  it('is by model from the first call on, so that an outage of one takes no healthy one with it', () => {
    const bench = new Bench();
    bench.fail('failing');
    bench.limit('limited');
    expect(bench.states()).toEqual({ failing: 'Open', limited: 'Closed' });
    expect(Array.from({ length: 66 }, () => bench.call('healthy'))).toEqual(Array(66).fill('ok'));
    expect([bench.call('failing'), bench.call('limited')]).toEqual([
      'CircuitBreakerOpen',
      'RateLimited',
    ]);
  });

  it('opens for one model but not for another', () => {
    const bench = new Bench();
    bench.call('opus');
    bench.call('haiku');
    bench.fail('opus', 'Overloaded');
    expect(bench.states()).toEqual({ opus: 'Open', haiku: 'Closed' });
    expect([bench.call('opus'), bench.call('haiku')]).toEqual(['CircuitBreakerOpen', 'ok']);
    const standing = (model: string): unknown =>
      bench.guard.dependency(PRIMARY)!.availability(MOUNTED, { model })?.state;
    expect([standing('opus'), standing('haiku'), standing('new')]).toEqual([
      'Shut',
      'Usable',
      'Usable',
    ]);
  });

  it('is a single one for an endpoint with its own model, whatever clients name', () => {
    const bench = new Bench({ endpoints: [{ ...ENDPOINT, model: 'haiku' }] });
    bench.call('a');
    bench.call('b');
    expect(bench.guard.circuits()).toMatchObject([{ dependency: PRIMARY }]);
    expect(bench.guard.circuits()[0]).not.toHaveProperty('model');
  });

  it.each([
    ['address', { baseURL: 'http://other.test' }],
    ['model', { model: 'opus' }],
  ])('begins anew when its %s changes, with gates and stated limits', (_name, change) => {
    const bench = new Bench({ endpoints: [ENDPOINT] });
    bench.fail('opus');
    bench.limit('haiku');
    bench.apply({ endpoints: [{ ...ENDPOINT, weight: 2 }] });
    expect([bench.call('opus'), bench.call('haiku')]).toEqual([
      'CircuitBreakerOpen',
      'RateLimited',
    ]);
    bench.apply({ endpoints: [{ ...ENDPOINT, ...change }] });
    expect([bench.call('opus'), bench.call('haiku')]).toEqual(['ok', 'ok']);
  });
});

describe('gates and limits of a provider', () => {
  it('hold back calls with one model but not with another', () => {
    const bench = new Bench();
    bench.call('opus');
    bench.call('haiku');
    bench.limit('opus');
    expect([bench.call('opus'), bench.call('haiku')]).toEqual(['RateLimited', 'ok']);
    expect(bench.guard.gates()).toMatchObject([
      { dependency: PRIMARY, model: 'opus', gate: 'RateLimited' },
    ]);
  });

  it('distinguish calls that count tokens from those for an answer', () => {
    const bench = new Bench();
    bench.call('opus');
    bench.limit('opus', { votes: false });
    expect(bench.call('opus', OK, { votes: false })).toBe('RateLimited');
    expect(bench.call('opus')).toBe('ok');
    expect(bench.guard.gates()).toMatchObject([{ gate: 'None' }]);
  });

  it('hold back all models when the provider refuses the key', () => {
    const bench = new Bench();
    bench.call('opus');
    bench.call('haiku');
    for (let i = 0; i < 5; i += 1) {
      const permit = bench.acquire('opus') as Permit;
      permit.refused('Unauthorized');
      permit.settle({ vote: 'ignored' });
    }
    expect([bench.call('haiku'), bench.call('new')]).toEqual([
      'CredentialRefused',
      'CredentialRefused',
    ]);
    bench.guard.useCredential(PRIMARY, 'other');
    expect(bench.call('haiku', OK, { credential: { hash: 'other', mounted: true } })).toBe('ok');
    expect(bench.guard.gates()).toMatchObject([{ gate: 'None' }]);
  });

  it('admit one probe each if both are shut', () => {
    const bench = new Bench();
    bench.call('opus');
    const [first, second] = [bench.acquire('opus'), bench.acquire('opus')] as [Permit, Permit];
    first.refused('SpendLimit');
    second.refused('RateLimited', 1000);
    first.settle({ vote: 'ignored' });
    second.settle({ vote: 'ignored' });
    bench.clock.advance(1000);
    const probe = bench.acquire('opus') as Permit;
    expect(bench.acquire('opus')).toBe('SpendLimit');
    probe.refused('RateLimited', 5000);
    probe.settle({ vote: 'ignored' });
    expect(bench.call('opus')).toBe('RateLimited');
    bench.clock.advance(5000);
    expect([bench.call('opus'), bench.call('opus')]).toEqual(['ok', 'ok']);
  });

  it('are stated by model, and separately for calls that count tokens', () => {
    const bench = new Bench();
    bench.call('opus');
    bench.call('haiku');
    const dependency = bench.guard.dependency(PRIMARY)!;
    const none = [{ resource: 'Requests' as const, remaining: 0, limit: 9, resetMs: 9000 }];
    dependency.learn(none, MOUNTED.hash, { model: 'opus' });
    expect([bench.call('opus'), bench.call('haiku')]).toEqual(['RateLimited', 'ok']);
    expect(bench.call('opus', OK, { votes: false })).toBe('ok');
    dependency.learn(none, MOUNTED.hash, { model: 'haiku', votes: false });
    expect(bench.call('haiku', OK, { votes: false })).toBe('RateLimited');
    expect(bench.call('haiku')).toBe('ok');
    expect(bench.guard.providerLimits()).toMatchObject([{ model: 'opus' }, { model: 'haiku' }]);
  });
});

describe('a pod', () => {
  const NAMES = Array.from({ length: 200 }, (_, i) => `m${i}`);

  it('has at most 64 circuits for models, and drops no model that succeeded and whose circuit or gate is shut', () => {
    const bench = new Bench();
    bench.call('limited');
    bench.limit('limited');
    bench.call('failing');
    bench.call('failing', failure());
    bench.call('open');
    bench.fail('open');
    bench.call('busy');
    const permit = bench.acquire('busy') as Permit;
    for (const name of NAMES) bench.call(name);
    const states = bench.states();
    expect(Object.keys(states)).toHaveLength(63);
    expect(states).toMatchObject({
      open: 'Open',
      limited: 'Closed',
      busy: 'Closed',
      m199: 'Closed',
    });
    expect(states).not.toHaveProperty('m100');
    expect(bench.call('limited')).toBe('RateLimited');
    bench.call('failing', failure());
    permit.settle(OK);
    expect(bench.states()).toMatchObject({ open: 'Open', failing: 'Open' });
    expect(bench.guard.stats().circuits[0]).toMatchObject({ requests: 210, inFlight: 0 });
  });

  it('drops models that never succeeded first, whatever their circuits say', () => {
    const bench = new Bench();
    bench.call('real');
    for (const name of NAMES) bench.fail(name);
    const states = bench.states();
    expect(states).toMatchObject({ real: 'Closed', m199: 'Open' });
    expect(states).not.toHaveProperty('m0');
    expect(Object.keys(states)).toHaveLength(63);
  });

  it('makes all further models share one circuit when all others are in use', () => {
    const bench = new Bench();
    for (const name of NAMES.slice(0, 63)) {
      bench.call(name);
      bench.call(name, failure());
    }
    bench.call('a');
    bench.call('b', failure());
    bench.call('c', failure());
    expect(Object.keys(bench.states())).toHaveLength(64);
    expect(bench.states()).toMatchObject({ '': 'Open', m0: 'Closed' });
    expect(bench.call('a')).toBe('CircuitBreakerOpen');
  });

  it('keeps no name longer than 256 characters', () => {
    const bench = new Bench();
    bench.call('x'.repeat(257));
    expect(bench.states()).toEqual({ '': 'Closed' });
    bench.call('x'.repeat(256));
    expect(Object.keys(bench.states())).toEqual(['x'.repeat(256)]);
  });

  it('frees the circuits of a removed endpoint', () => {
    const bench = new Bench();
    const open = (): void => {
      for (const name of NAMES.slice(0, 63)) {
        bench.call(name);
        bench.fail(name);
      }
    };
    open();
    bench.apply({
      endpoints: [
        {
          name: 'other',
          provider: 'Anthropic',
          priority: 0,
          weight: 1,
          baseURL: 'http://model.test',
        },
      ],
      circuits: [],
    });
    expect(bench.guard.circuits()).toHaveLength(1);
    bench.apply({});
    open();
    expect(Object.keys(bench.states())).toHaveLength(63);
  });
});

describe('a policy', () => {
  it('applies to every model: its rules, its reset token and its override', () => {
    const bench = new Bench();
    for (const model of ['opus', 'haiku']) bench.call(model);
    for (const model of ['opus', 'haiku', 'new']) bench.fail(model);
    const apply = (parts: Partial<typeof CIRCUIT>): void =>
      bench.apply({ circuits: [{ ...CIRCUIT, policy: 'p', ...parts }] });
    apply({ resetToken: 'a' });
    apply({ resetToken: 'b' });
    expect(bench.states()).toEqual({ opus: 'Closed', haiku: 'Closed', new: 'Closed' });
    apply({ override: { state: 'Open' } });
    expect([bench.call('opus'), bench.call('haiku'), bench.call('never seen')]).toEqual(
      Array(3).fill('CircuitBreakerOpen'),
    );
    apply({ trip: { consecutiveFailures: 1 } });
    bench.clock.advance(1000);
    for (const model of ['opus', 'haiku']) {
      bench.call(model);
      bench.call(model, failure());
    }
    expect(bench.states()).toMatchObject({ opus: 'Open', haiku: 'Open' });
    expect(bench.guard.circuits().every(({ policy }) => policy === 'p')).toBe(true);
  });
});

describe('the state that outlives the process', () => {
  it('contains the state of each model', () => {
    const before = new Bench();
    before.call('opus');
    before.call('haiku');
    before.fail('opus');
    before.limit('haiku');
    const saved = JSON.parse(JSON.stringify(before.guard.snapshot())) as GuardSnapshot;
    const after = new Bench();
    after.clock.advance(100);
    after.guard.restore(saved, 60_000);
    expect(after.states()).toMatchObject({ opus: 'Open', haiku: 'Closed' });
    expect([after.call('opus'), after.call('haiku'), after.call('new')]).toEqual([
      'CircuitBreakerOpen',
      'RateLimited',
      'ok',
    ]);
  });

  it.each([
    ['another address', { baseURL: 'http://other.test' }, PRIMARY],
    ['an unknown address', {}, undefined],
  ])('is not taken up with %s', (_name, change, known) => {
    const before = new Bench();
    before.fail('opus');
    before.limit('haiku');
    const { of, ...saved } = before.guard.snapshot();
    const after = new Bench({ endpoints: [{ ...ENDPOINT, ...change }] });
    after.clock.advance(100);
    after.guard.restore({ ...saved, ...(known && { of }) }, 60_000);
    expect([after.call('opus'), after.call('haiku')]).toEqual(['ok', 'ok']);
  });
});

describe('an override that ends', () => {
  it('leaves no circuit half-open that no call needs', () => {
    const expiresAt = '2026-01-01T00:01:00Z';
    const override = { state: 'Open' as const, reason: 'maintenance', expiresAt };
    const bench = new Bench({ circuits: [{ ...CIRCUIT, override }] });
    expect(bench.call('opus')).toBe('CircuitBreakerOpen');
    bench.clock.advance(60_000);
    expect(bench.call('opus')).toBe('ok');
    expect(new Set(bench.guard.circuits().map(({ state }) => state))).toEqual(new Set(['Closed']));
  });
});
