import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../../crds/generated/types.ts';
import { Informer, KubeClient, keyOf, Transport } from '../../../operator/kube/index.ts';
import {
  AgentDeployments,
  CircuitBreakerPolicies,
  Secrets,
} from '../../../operator/resources/resources.ts';
import { Registry } from 'prom-client';
import { waitFor } from '../../cluster/common/step.ts';
import { clusterOf } from '../../kit/operator/access.ts';
import { percentileBetween, type Metrics } from '../../kit/operator/metrics.ts';
import {
  NAMESPACE,
  OperatorProcess,
  type OperatorPlace,
} from '../../kit/operator/operatorProcess.ts';
import type { BareOrder, BareResult } from './bareMain.ts';
import { editFloor } from './floor.ts';
import { Runtimes } from './runtimes.ts';
import { sayWrites, whenLeading, whenLinked, whenQuiet, whenWarm, writesIn } from './settled.ts';
import { atRate, LONG_MS, now, Spans } from './spans.ts';
import { storeStatuses } from './statuses.ts';
import { inParallel, World } from './world.ts';

const API = '/apis/breakwater.dev/v1alpha1/namespaces';
const OPERATOR = 'op';
const BARE = 'bare';
const NUMBERS_MS = 65_000;

export interface Figure {
  name: string;
  value: number;
  unit: string;
}

/** One run of all measurements with a number of agents. */
export class Bench {
  readonly #agents: number;
  readonly #world: World;
  readonly #place: OperatorPlace;
  readonly #client: KubeClient;
  readonly #transport: Transport;
  readonly #report: (figure: Figure) => void;
  #operator!: OperatorProcess;
  #runtimes: Runtimes | undefined;
  readonly #stop = new AbortController();
  #started = 0;

  constructor(agents: number, world: World, program: string, report: (figure: Figure) => void) {
    const { access, directory } = world;
    this.#agents = agents;
    this.#world = world;
    this.#place = { program, access, directory };
    this.#transport = new Transport({ config: clusterOf(access), registry: new Registry() });
    this.#client = new KubeClient(this.#transport);
    this.#report = report;
  }

  #figure(name: string, value: number, unit: string): void {
    this.#report({ name, value, unit });
  }

  async #start(): Promise<OperatorProcess> {
    return OperatorProcess.start(`operator-${this.#started++}`, this.#place);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#runtimes?.stop();
    await this.#operator?.end('SIGKILL');
    await this.#transport.close();
  }

  /** From the start of the process until its last write, and the same for a client that only writes. */
  async converge(): Promise<void> {
    const first = await this.#fromCold();
    await this.#operator.end();
    const statuses = await storeStatuses(this.#client, this.#world.directory);
    await this.#world.clear(OPERATOR, this.#agents);
    await this.#world.makeAgents(BARE, this.#agents);
    const bare = await this.#bare(statuses);
    await this.#world.clear(BARE, this.#agents);
    const second = await this.#fromCold();
    await this.#operator.end();
    const seconds = (first.seconds + second.seconds) / 2;
    this.#figure(`converge_${this.#agents}_first`, first.seconds, 's');
    this.#figure(`converge_${this.#agents}_second`, second.seconds, 's');
    this.#figure(`converge_${this.#agents}`, seconds, 's');
    this.#figure(`converge_${this.#agents}_cpu`, (first.cpu + second.cpu) / 2, 's');
    this.#figure(`bare_${this.#agents}`, bare.seconds, 's');
    this.#figure(`bare_${this.#agents}_cpu`, bare.cpu, 's');
    this.#figure(`bare_${this.#agents}_writes`, bare.writes / bare.seconds, 'per s');
    this.#figure(`converge_${this.#agents}_vs_bare`, seconds / bare.seconds, 'x');
  }

  async #fromCold(): Promise<{ seconds: number; cpu: number }> {
    await this.#world.makeAgents(OPERATOR, this.#agents);
    const writes = await this.#world.writes();
    const begun = now();
    this.#operator = await this.#start();
    const ended = await whenQuiet(this.#operator, this.#agents);
    await sayWrites(this.#world, writes);
    const cpu = (await this.#operator.metrics())!.sum('process_cpu_seconds_total');
    return { seconds: (ended - begun) / 1000, cpu };
  }

  async #bare(statuses: string): Promise<BareResult> {
    const order: BareOrder = {
      access: this.#world.access,
      authority: await this.#authority(),
      prefix: BARE,
      statuses,
    };
    const child = fork(join(import.meta.dirname, 'bareMain.ts'), {
      env: { ...process.env, BENCH: JSON.stringify(order) },
    });
    const [result] = (await once(child, 'message')) as [BareResult];
    return result;
  }

  async #authority(): Promise<string> {
    const secret = await this.#client.get(Secrets, NAMESPACE, 'breakwater-authority');
    return Buffer.from(secret!.data!['tls.crt']!, 'base64').toString();
  }

  async link(): Promise<void> {
    this.#runtimes = await Runtimes.start(this.#world.access, await this.#authority());
    await this.#world.startPods();
    await this.#world.whenPodsReady(this.#agents);
    const writes = await this.#world.writes();
    const begun = now();
    this.#operator = await this.#start();
    await whenLinked(this.#operator, this.#agents);
    this.#figure(`links_${this.#agents}_after_start`, (now() - begun) / 1000, 's');
    const metrics = await this.#operator.metrics();
    const cpu = metrics!.sum('process_cpu_seconds_total');
    this.#figure(`links_${this.#agents}_cpu_since_start`, cpu, 's');
    await whenQuiet(this.#operator);
    await sayWrites(this.#world, writes);
  }

  #key(index: number): { namespace: string; name: string; key: string } {
    const place = World.place(OPERATOR, index % this.#agents);
    return { ...place, key: keyOf({ metadata: place }) };
  }

  /** 20 changes of specs a second: until each is observed, and how long keys wait for a worker. */
  async change(count: number): Promise<void> {
    const samples = new Spans();
    const informer = this.#follow<AgentDeployment>(AgentDeployments);
    informer.onChange((agent) => {
      if (agent && agent.status?.observedGeneration === agent.metadata.generation) {
        if ((agent.spec.timeouts?.request ?? '') === '6m') samples.end(keyOf(agent));
      }
    });
    await informer.synced;
    const before = (await this.#operator.metrics())!;
    const writes = await this.#world.writes();
    const changed = Math.min(count, this.#agents);
    await atRate(20, changed, (index) => {
      const { namespace, name, key } = this.#key(index);
      samples.begin(key);
      return this.#world.patch(`${API}/${namespace}/agentdeployments/${name}`, {
        spec: { timeouts: { request: '6m' } },
      });
    });
    await samples.whenEnded('every change is observed', changed);
    const after = (await this.#operator.metrics())!;
    await sayWrites(this.#world, writes);
    const queue = percentileBetween(...queueTimes(before, after), 99);
    this.#figure('queue_p99', queue, 's');
    this.#figure('change_p99', samples.p(99) / 1000, 's');
  }

  /** 20 edits of policies a second: from just before an edit is sent until its pod enforces it. */
  async reload(count: number): Promise<void> {
    const samples = new Spans();
    this.#runtimes!.onTell = (message) => {
      if (message.type === 'configured') samples.end(message.key, message.at);
    };
    const answers = new Spans();
    const edited = Math.min(count, this.#agents);
    const writes = await this.#world.writes();
    await atRate(20, edited, async (index) => {
      const { namespace, name, key } = this.#key(index);
      samples.begin(key);
      answers.begin(key);
      await this.#world.patch(`${API}/${namespace}/circuitbreakerpolicies/${name}`, {
        spec: { openDuration: '31s' },
      });
      answers.end(key);
    });
    await samples.whenEnded('every edit is in force', edited);
    await sayWrites(this.#world, writes);
    this.#figure(`reload_${this.#agents}_p50`, samples.p(50), 'ms');
    this.#figure(`reload_${this.#agents}_p99`, samples.p(99), 'ms');
    this.#figure(`edit_${this.#agents}_p99`, answers.p(99), 'ms');
    this.#runtimes!.onTell = () => undefined;
    const floor = await editFloor({
      world: this.#world,
      client: this.#client,
      namespace: this.#key(0).namespace,
      edits: edited,
      signal: this.#stop.signal,
    });
    this.#figure(`reload_${this.#agents}_floor_p50`, floor.p(50), 'ms');
    this.#figure(`reload_${this.#agents}_floor_p99`, floor.p(99), 'ms');
  }

  /** From a circuit's change in a pod until a watch of its policy shows it: 20 a second, then all at once. */
  async visible(count: number): Promise<void> {
    const samples = new Spans();
    const informer = this.#follow<CircuitBreakerPolicy>(CircuitBreakerPolicies);
    let wanted = 'Open';
    informer.onChange((policy) => {
      if (policy?.status?.state === wanted) samples.end(keyOf(policy));
    });
    await informer.synced;
    this.#runtimes!.onTell = (message) => {
      if (message.type === 'changed') samples.begin(message.key, message.at);
    };
    const changed = Math.min(count, this.#agents);
    await atRate(20, changed, (index) => {
      this.#runtimes!.order({ type: 'change', key: this.#key(index).key, to: 'Open' });
      return Promise.resolve();
    });
    await samples.whenEnded('every change is visible', changed);
    this.#figure('visible_20_p50', samples.p(50) / 1000, 's');
    this.#figure('visible_20_p99', samples.p(99) / 1000, 's');
    wanted = 'Closed';
    this.#runtimes!.order({ type: 'change', to: 'Closed' });
    await waitFor('everything is closed', LONG_MS, () => everywhere(informer, 'Closed'));
    samples.clear();
    wanted = 'Open';
    this.#runtimes!.order({ type: 'change', to: 'Open' });
    await samples.whenEnded('every circuit is shown open', this.#agents);
    this.#figure(`visible_${this.#agents}_at_once_p99`, samples.p(99) / 1000, 's');
    wanted = 'Closed';
    this.#runtimes!.order({ type: 'change', to: 'Closed' });
    await waitFor('everything is closed', LONG_MS, () => everywhere(informer, 'Closed'));
    this.#runtimes!.onTell = () => undefined;
  }

  /** Writes at the API server while nothing happens. */
  async idle(seconds: number): Promise<void> {
    await whenQuiet(this.#operator);
    // The operator writes changed numbers within a minute.
    await pause(NUMBERS_MS);
    const writes = await writesIn(this.#world, seconds);
    this.#figure('idle_writes', (writes * 60) / seconds, 'per min');
  }

  /** Writes at the API server while every pod reports new numbers each second. */
  async steady(seconds: number): Promise<void> {
    await this.#world.makeLimits(OPERATOR, this.#agents);
    await whenQuiet(this.#operator);
    this.#runtimes!.order({ type: 'traffic', on: true });
    const writes = await writesIn(this.#world, seconds);
    this.#runtimes!.order({ type: 'traffic', on: false });
    this.#figure('steady_writes', writes / seconds, 'per s');
  }

  /** Memory of the leader with three pods of each agent in its cache, one of them linked. */
  async memory(): Promise<void> {
    await inParallel(2 * this.#agents, async (index) => {
      const { namespace, name } = this.#key(index);
      await this.#world.clonePod(namespace, name, this.#extraPod(index));
    });
    await whenQuiet(this.#operator);
    const { all } = await this.#world.pods();
    if (all !== 3 * this.#agents) throw new Error(`There are ${all} pods`);
    const { now: resident, peak } = this.#operator.memory();
    this.#figure(`rss_${this.#agents}`, resident, 'MiB');
    this.#figure(`rss_${this.#agents}_peak`, peak, 'MiB');
    this.#figure('eventloop_lag_max', this.#operator.longestStallMs, 'ms');
  }

  /** Memory of the leader with links to all three pods of each agent. */
  async linkedThrice(): Promise<void> {
    await inParallel(2 * this.#agents, async (index) => {
      const { namespace } = this.#key(index);
      await this.#world.bindPod(namespace, this.#extraPod(index));
    });
    await whenLinked(this.#operator, 3 * this.#agents);
    await whenQuiet(this.#operator);
    const { now: resident, peak } = this.#operator.memory();
    this.#figure(`rss_${this.#agents}_all_linked`, resident, 'MiB');
    this.#figure(`rss_${this.#agents}_all_linked_peak`, peak, 'MiB');
  }

  #extraPod(index: number): string {
    return `${this.#key(index).name}-extra-${index >= this.#agents}`;
  }

  /** From the end of a leader until another process holds the Lease. */
  async takeover(): Promise<void> {
    for (const [figure, signal] of [
      ['takeover_stop', 'SIGTERM'],
      ['takeover_kill', 'SIGKILL'],
    ] as const) {
      const standby = await this.#start();
      await whenWarm(standby);
      // A time between two renewals, after the standby has seen one.
      await pause(5_000 + Math.random() * 2_000);
      const begun = now();
      const leader = this.#operator;
      const ending = leader.end(signal);
      await whenLeading(this.#client, standby);
      this.#figure(figure, (now() - begun) / 1000, 's');
      await whenLinked(standby, this.#agents);
      this.#figure(`${figure}_linked`, (now() - begun) / 1000, 's');
      await ending;
      this.#operator = standby;
    }
  }

  #follow<T extends AgentDeployment | CircuitBreakerPolicy>(resource: object): Informer<T> {
    const informer = new Informer<T>({
      client: this.#client,
      resource: resource as Informer<T>['resource'],
    });
    informer.start(this.#stop.signal);
    return informer;
  }
}

const everywhere = (informer: Informer<CircuitBreakerPolicy>, state: string): boolean =>
  informer
    .list()
    .filter(({ metadata }) => metadata.namespace!.startsWith(`${OPERATOR}-`))
    .every(({ status }) => status?.state === state);

const QUEUE = 'workqueue_queue_duration_seconds';
const queueTimes = (
  before: Metrics,
  after: Metrics,
): [Map<number, number>, Map<number, number>] => [before.buckets(QUEUE), after.buckets(QUEUE)];
