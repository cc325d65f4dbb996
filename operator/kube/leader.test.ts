import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { LeaderElector, NotLeaderError } from './leader.ts';
import type { LeaderTerm } from './leader.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { lasts, MemoryLeases } from '../testing/memoryLeases.ts';

interface Candidate {
  registry: Registry;
  terms: LeaderTerm[];
  stopped: number;
  stop: AbortController;
  done: Promise<void>;
  /** Ends the term's work, for a candidate that drains. */
  drained: () => void;
}

describe('LeaderElector', () => {
  let clock: FakeClock;
  let leases: MemoryLeases;
  let seed: number;

  beforeEach(() => {
    clock = new FakeClock();
    leases = new MemoryLeases();
    seed = 1;
  });

  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };

  const campaign = (identity: string, { drains = false, own = clock } = {}): Candidate => {
    const registry = new Registry();
    const elector = new LeaderElector({
      client: leases.client(identity),
      namespace: 'ns',
      name: 'operator',
      identity,
      logger: pino({ level: 'silent' }),
      registry,
      clock: own,
      random,
    });
    const work = Promise.withResolvers<void>();
    const stop = new AbortController();
    const candidate: Candidate = {
      registry,
      terms: [],
      stopped: 0,
      stop,
      done: Promise.resolve(),
      drained: work.resolve,
    };
    candidate.done = elector.run(stop.signal, {
      onStarted: (term) => {
        candidate.terms.push(term);
        return drains ? work.promise : undefined;
      },
      onStopped: () => {
        candidate.stopped += 1;
      },
    });
    return candidate;
  };
  const leads = ({ terms }: Candidate): boolean => terms.some(lasts);

  it('elects one leader, which renews, and never two, whatever is disconnected', async () => {
    const candidates = ['a', 'b', 'c'].map((identity) => campaign(identity));
    for (let second = 0; second < 600; second++) {
      await clock.advance(1_000);
      expect(candidates.filter(leads).length).toBeLessThanOrEqual(1);
      if (second % 40 === 20) leases.cutOff.add('abc'[Math.floor(random() * 3)]!);
      if (second % 40 === 39) leases.cutOff.clear();
    }
    expect(leases.history.length).toBeGreaterThan(2);
    const transitions = leases.history.map((entry) => Number(entry.split(' ')[1]));
    expect(transitions).toEqual(transitions.map((_, i) => i));
  });

  it('takes over from a leader that vanished within 18 s', async () => {
    for (let i = 0; i < 20; i++) {
      leases = new MemoryLeases();
      const a = campaign('a');
      await clock.advance(5_000 + random() * 3_000);
      const b = campaign('b');
      await clock.advance(6_000 + random() * 3_000);
      leases.cutOff.add('a');
      await clock.advance(10_001);
      expect([leads(a), leads(b)]).toEqual([false, false]);
      await clock.advance(8_000);
      expect(leads(b)).toBe(true);
      for (const { stop, done } of [a, b]) {
        stop.abort();
        await done;
      }
    }
  });

  it('releases the lease after its work has ended when it stops, and the next one leads within 3 s', async () => {
    const a = campaign('a', { drains: true });
    await clock.advance(1_000);
    const b = campaign('b');
    await clock.advance(4_000);
    const [term] = a.terms;
    a.stop.abort();
    await clock.advance(3_000);
    expect(term!.signal.aborted).toBe(true);
    expect(leads(b)).toBe(false);
    expect(term!.sinceGivenUp()).toBe(3_000);
    a.drained();
    await a.done;
    expect(a.stopped).toBe(1);
    expect(leases.lease?.spec?.holderIdentity).toBe('');
    await clock.advance(3_000);
    expect(leads(b)).toBe(true);
    expect(b.terms[0]!.leaseTransitions).toBe(term!.leaseTransitions + 1);
    expect([term!.givenUp, b.terms[0]!.givenUp]).toEqual([false, true]);
    expect(b.terms[0]!.sinceGivenUp()).toBeUndefined();
  });

  it('does not release an expired term when it stops', async () => {
    const a = campaign('a');
    await clock.advance(5_000);
    clock.stall(10_001);
    a.stop.abort();
    await a.done;
    expect(a.terms[0]!.sinceGivenUp()).toBeUndefined();
    const b = campaign('b');
    await clock.advance(20_000);
    expect(b.terms[0]!.givenUp).toBe(false);
  });

  it('loses its term when the event loop stalls past the deadline, before anything can be written', async () => {
    const a = campaign('a');
    await clock.advance(5_000);
    const [term] = a.terms;
    term!.assertLeading();
    clock.stall(10_001);
    expect(() => term!.assertLeading()).toThrow(NotLeaderError);
    expect(term!.signal.aborted).toBe(true);
    expect(leads(a)).toBe(false);
    await clock.advance(3_000);
    expect(a.stopped).toBe(1);
    expect(a.terms[1]!.leaseTransitions).toBe(1);
  });

  it('does not count a late answer as a renewal', async () => {
    const answers: (() => void)[] = [];
    const client = leases.client('a');
    const slow = {
      ...client,
      replace: async (...args: Parameters<typeof client.replace>) => {
        const result = await client.replace(...args);
        await new Promise<void>((resolve) => answers.push(resolve));
        return result;
      },
    } as typeof client;
    leases.client = () => slow;
    const a = campaign('a');
    while (answers.length === 0) await clock.advance(100);
    clock.stall(9_000);
    answers[0]!();
    await settle();
    expect(a.terms[0]!.signal.aborted).toBe(true);
  });

  it('loses its term when the wall clock says that the machine was suspended', async () => {
    const a = campaign('a');
    await clock.advance(5_000);
    clock.step(60_000);
    expect(leads(a)).toBe(false);
  });

  it('does not take the lease early when its own wall clock steps forward', async () => {
    const a = campaign('a');
    await clock.advance(1_000);
    const other = new FakeClock();
    const b = campaign('b', { own: other });
    await other.advance(0);
    other.step(3_600_000);
    await other.advance(10_000);
    expect([leads(a), leads(b)]).toEqual([true, false]);
  });

  it('ends its term at once when another process holds the lease', async () => {
    const a = campaign('a');
    await clock.advance(1_000);
    const spec = { ...leases.lease!.spec, holderIdentity: 'thief', leaseTransitions: 7 };
    await leases.client('thief').replace(null as never, { ...leases.lease!, spec } as never);
    await clock.advance(2_500);
    expect(a.terms[0]!.signal.aborted).toBe(true);
    await clock.advance(18_000);
    expect(a.terms[1]!.leaseTransitions).toBe(8);
  });

  it('shows the leader in its metric, and writes times with six digits', async () => {
    const a = campaign('a');
    const status = (): Promise<string> =>
      a.registry.getSingleMetricAsString('leader_election_master_status');
    expect(await status()).toContain('{name="operator"} 0');
    await clock.advance(0);
    expect(await status()).toContain('{name="operator"} 1');
    expect(leases.lease?.spec?.renewTime).toMatch(/T00:00:00\.\d{6}Z$/);
    a.stop.abort();
    await a.done;
    expect(await status()).toContain('{name="operator"} 0');
  });
});
