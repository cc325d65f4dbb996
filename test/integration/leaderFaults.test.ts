import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  KubeClient,
  LeaderElector,
  Leases,
  loadClusterConfig,
  NotLeaderError,
  systemClock,
  Transport,
} from '../../operator/kube/index.ts';
import { ConfigMaps } from '../../operator/resources/resources.ts';
import type { Clock, ClusterConfig, LeaderTerm } from '../../operator/kube/index.ts';
import { lasts } from '../../operator/testing/memoryLeases.ts';
import { waitFor } from '../cluster/common/step.ts';
import { START_TIMEOUT, startApiServer } from './apiserver.ts';
import type { ApiServer } from './apiserver.ts';
import { FaultProxy } from './faults/proxy.ts';

const WAIT_MS = 60_000;
const HOUR_MS = 3_600_000;
/** The operator's times divided by five. */
const PERIODS = { leaseDurationMs: 5_000, renewDeadlineMs: 4_000, retryPeriodMs: 400 };

let server: ApiServer;
let config: ClusterConfig;
let namespace: string;
let candidates: Candidate[];

/** A clock with a wall clock that tests set. All other time is real. */
class SettableClock implements Clock {
  #offset = 0;
  now = (): number => Date.now() + this.#offset;
  monotonic = (): number => systemClock.monotonic();
  after = (ms: number, callback: () => void): (() => void) => systemClock.after(ms, callback);
  step(ms: number): void {
    this.#offset += ms;
  }
}

class Candidate {
  readonly identity: string;
  readonly clock = new SettableClock();
  readonly terms: LeaderTerm[] = [];
  readonly client: KubeClient;
  readonly #transport: Transport;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(identity: string, way: ClusterConfig = config) {
    this.identity = identity;
    const registry = new Registry();
    this.#transport = new Transport({ config: way, registry });
    this.client = new KubeClient(this.#transport);
    const elector = new LeaderElector({
      client: this.client,
      namespace,
      name: 'operator',
      identity,
      logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
      registry,
      clock: this.clock,
      ...PERIODS,
    });
    this.#done = elector.run(this.#stop.signal, {
      onStarted: (term) => void this.terms.push(term),
    });
    candidates.push(this);
  }

  get leads(): boolean {
    return this.terms.some(lasts);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
    await this.#transport.close();
  }
}

beforeAll(async () => {
  server = await startApiServer();
  config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
}, START_TIMEOUT);

afterAll(async () => {
  await server?.stop();
});

beforeEach(async () => {
  namespace = await server.namespace('leader');
  candidates = [];
});

afterEach(async () => {
  await Promise.all(candidates.map((candidate) => candidate.stop()));
});

const transitions = async (): Promise<number | undefined> =>
  (await candidates[0]!.client.get(Leases, namespace, 'operator'))?.spec?.leaseTransitions;

/** Waits, and fails if two processes lead at the same time. */
async function meanwhileOne(what: string, done: () => boolean): Promise<void> {
  await waitFor(what, WAIT_MS, () => {
    expect(candidates.filter(({ leads }) => leads).length).toBeLessThanOrEqual(1);
    return done();
  });
}

const elapsed = (ms: number): (() => boolean) => {
  const end = performance.now() + ms;
  return () => performance.now() > end;
};

describe('a Lease', () => {
  it('stays with its holder if the holder’s wall clock is set back or another one’s forward', async () => {
    const a = new Candidate('a');
    await meanwhileOne('a leads', () => a.leads);
    const b = new Candidate('b');
    const before = await transitions();
    a.clock.step(-HOUR_MS);
    b.clock.step(HOUR_MS);
    await meanwhileOne('longer than the lease lasts', elapsed(PERIODS.leaseDurationMs + 1_500));
    expect([a.leads, b.leads]).toEqual([true, false]);
    expect(await transitions()).toBe(before);
  });

  it('is given up by a holder whose wall clock jumps forward, as after a suspension, and then taken again', async () => {
    const a = new Candidate('a');
    await meanwhileOne('a leads', () => a.leads);
    const [term] = a.terms;
    a.clock.step(HOUR_MS);
    expect(() => term!.assertLeading()).toThrow(NotLeaderError);
    await meanwhileOne('a leads a new term', () => a.terms.length === 2 && a.leads);
    expect(a.terms[1]!.leaseTransitions).toBe(term!.leaseTransitions + 1);
  });

  it('passes to another process if its holder gets no more answers, and two never hold it at once', async () => {
    await using proxy = await FaultProxy.start(config);
    const a = new Candidate('a', proxy.config);
    await meanwhileOne('a leads', () => a.leads);
    const b = new Candidate('b');
    proxy.fault = () => ({ kind: 'silence' });
    proxy.freezeAll();
    const cut = performance.now();
    await meanwhileOne('a has given up', () => !a.leads);
    expect(performance.now() - cut).toBeLessThan(PERIODS.leaseDurationMs);
    await meanwhileOne('b leads', () => b.leads);
    expect(b.terms[0]!.leaseTransitions).toBe(a.terms[0]!.leaseTransitions + 1);
    proxy.fault = () => undefined;
    proxy.resetAll();
    await meanwhileOne('longer than the lease lasts', elapsed(PERIODS.leaseDurationMs));
    expect(b.leads).toBe(true);
  });

  it('is kept through errors 500 and broken connections that end before its deadline', async () => {
    await using proxy = await FaultProxy.start(config);
    const a = new Candidate('a', proxy.config);
    await meanwhileOne('a leads', () => a.leads);
    let faults = 0;
    proxy.fault = () => {
      faults += 1;
      return faults % 2 ? { kind: 'reset' } : { kind: 'answer', status: 500, body: {} };
    };
    await meanwhileOne('renewals failed', () => faults >= 2);
    proxy.fault = () => undefined;
    await meanwhileOne('longer than the lease lasts', elapsed(PERIODS.leaseDurationMs));
    expect(a.terms).toHaveLength(1);
  });

  it('is lost by a process whose event loop was blocked, before the process can write', async () => {
    const a = new Candidate('a');
    await meanwhileOne('a leads', () => a.leads);
    const [term] = a.terms;
    const guarded = a.client.guarded(() => term!.assertLeading());
    const write = (name: string): Promise<unknown> =>
      guarded.apply(
        ConfigMaps,
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name } },
        { fieldManager: 'test' },
      );
    await write('before');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PERIODS.renewDeadlineMs + 100);
    await expect(write('after')).rejects.toThrow(NotLeaderError);
    expect(term!.signal.aborted).toBe(true);
    expect(await a.client.get(ConfigMaps, namespace, 'after')).toBeUndefined();
    await meanwhileOne('a leads a new term', () => a.leads);
  });
});
