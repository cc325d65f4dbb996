import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { Informer, KubeClient, keyOf, Transport } from '../../../operator/kube/index.ts';
import { AgentDeployments, Secrets } from '../../../operator/resources/resources.ts';
import { say } from '../../cluster/common/step.ts';
import { clusterOf } from '../../kit/operator/access.ts';
import { percentileBetween } from '../../kit/operator/metrics.ts';
import { NAMESPACE, OperatorProcess } from '../../kit/operator/operatorProcess.ts';
import { Crowd } from './crowd.ts';
import type { Figure } from './measure.ts';
import { Runtimes } from './runtimes.ts';
import { sayWrites, whenLeading, whenLinked, whenQuiet, whenWarm, writesIn } from './settled.ts';
import { atRate, now, Spans } from './spans.ts';
import type { World } from './world.ts';

/** Heap in MiB that Node chooses in a container of 1 GiB. */
const HEAP = 512;
/** The values of the chart that docs/reference/sizes.md asks for at this size. */
const SETTINGS = { API_TOKEN_REVIEWS_IN_FLIGHT: '8' };
const QUEUE = 'workqueue_queue_duration_seconds';

/** Measurements in a namespace full of agents. */
export class CrowdBench {
  readonly crowd: Crowd;
  readonly #world: World;
  readonly #program: string;
  readonly #report: (figure: Figure) => void;
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  #operator: OperatorProcess | undefined;
  #runtimes: Runtimes | undefined;
  #started = 0;

  constructor(agents: number, world: World, program: string, report: (figure: Figure) => void) {
    this.crowd = new Crowd(world, agents);
    this.#world = world;
    this.#program = program;
    this.#report = report;
    this.#transport = new Transport({ config: clusterOf(world.access), registry: new Registry() });
    this.#client = new KubeClient(this.#transport);
  }

  /** The operator process that leads. */
  get operator(): OperatorProcess {
    return this.#operator!;
  }

  get runtimes(): Runtimes {
    return this.#runtimes!;
  }

  #figure(name: string, value: number, unit: string): void {
    this.#report({ name, value, unit });
  }

  async #start(): Promise<OperatorProcess> {
    const { access, directory } = this.#world;
    const place = { program: this.#program, access, directory, heap: HEAP, settings: SETTINGS };
    return OperatorProcess.start(`operator-${this.#started++}`, place);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#runtimes?.stop();
    await this.#operator?.end('SIGKILL');
    await this.#transport.close();
  }

  /** From the start of the process until its last write, with everything to do and no pods yet. */
  async converge(): Promise<void> {
    const begun = now();
    this.#operator = await this.#start();
    const ended = await whenQuiet(this.#operator, this.crowd.agents);
    this.#figure('converge', (ended - begun) / 1000, 's');
    await this.#sayState();
  }

  /** Creates the pods while the operator watches. A third of them run and are linked. */
  async link(): Promise<void> {
    this.#runtimes = await Runtimes.start(this.#world.access, await this.#authority());
    await this.crowd.makePods();
    await whenLinked(this.operator, this.crowd.agents);
    await whenQuiet(this.operator);
    await this.#sayState();
  }

  async #authority(): Promise<string> {
    const secret = await this.#client.get(Secrets, NAMESPACE, 'breakwater-authority');
    return Buffer.from(secret!.data!['tls.crt']!, 'base64').toString();
  }

  /** A standby takes over. Later figures are of its process, from its start. */
  async takeOver(): Promise<void> {
    const standby = await this.#start();
    const started = now();
    await whenWarm(standby);
    this.#figure('warm', (now() - started) / 1000, 's');
    const begun = now();
    const ending = this.operator.end();
    await whenLeading(this.#client, standby);
    await whenLinked(standby, this.crowd.agents);
    this.#figure('takeover_stop_linked', (now() - begun) / 1000, 's');
    await ending;
    this.#operator = standby;
    await whenQuiet(standby);
    this.#figure('takeover_quiet', (now() - begun) / 1000, 's');
    await this.#sayState();
  }

  /** 20 changes of specs a second: until each is observed, and how long keys wait for a worker. */
  async change(count: number): Promise<void> {
    const samples = new Spans();
    const changed = Math.min(count, this.crowd.agents);
    const informer = new Informer<AgentDeployment>({
      client: this.#client,
      resource: AgentDeployments,
    });
    informer.onChange((agent) => {
      if (agent?.status?.observedGeneration !== agent?.metadata.generation) return;
      if (agent?.spec.timeouts?.request === '6m') samples.end(keyOf(agent));
    });
    informer.start(this.#stop.signal);
    await informer.synced;
    const before = (await this.operator.metrics())!;
    const writes = await this.#world.writes();
    await atRate(20, changed, async (index) => {
      samples.begin(this.crowd.keyOf(index));
      await this.crowd.changeSpec(index, '6m');
    });
    await samples.whenEnded('every change is observed', changed);
    const after = (await this.operator.metrics())!;
    await sayWrites(this.#world, writes);
    this.#figure(
      'queue_p99',
      percentileBetween(before.buckets(QUEUE), after.buckets(QUEUE), 99),
      's',
    );
    this.#figure('change_p50', samples.p(50) / 1000, 's');
    this.#figure('change_p99', samples.p(99) / 1000, 's');
    await this.#sayState();
  }

  /** Ten edits of breakers a second, half of them of breakers for a team of ten: until the last pod has each. */
  async edit(count: number): Promise<void> {
    await this.#untilConfigured('edits', () =>
      atRate(10, count, (index) => this.crowd.changeBreaker(index, `${30_000 + index}ms`)),
    );
    await this.#sayState();
  }

  /** One edit of the breaker for all agents, which is in force for half of them. */
  async editAll(): Promise<void> {
    await this.#untilConfigured('edit_of_all', () => this.crowd.changeBreakerOfAll('33s'));
    await this.#sayState();
  }

  /** From the first edit until the last pod has its configuration, and until no write is left. */
  async #untilConfigured(name: string, edit: () => Promise<void>): Promise<void> {
    const writes = await this.#world.writes();
    let last = 0;
    let configured = 0;
    this.runtimes.onTell = ({ type, ...told }) => {
      if (type !== 'configured') return;
      configured += 1;
      last = (told as { at: number }).at;
    };
    const begun = now();
    await edit();
    await pause(2_000);
    const ended = await whenQuiet(this.operator);
    this.runtimes.onTell = () => undefined;
    await sayWrites(this.#world, writes);
    say(`${configured} pods got a configuration`);
    this.#figure(`${name}_in_force`, (last - begun) / 1000, 's');
    this.#figure(`${name}_quiet`, (ended - begun) / 1000, 's');
  }

  /** Writes at the API server while every running pod reports new numbers each second. */
  async steady(seconds: number): Promise<void> {
    this.runtimes.order({ type: 'traffic', on: true });
    // The first numbers of all pods are due at once.
    await pause(10_000);
    const before = (await this.operator.metrics())!.sum('process_cpu_seconds_total');
    const writes = await writesIn(this.#world, seconds);
    const cpu = (await this.operator.metrics())!.sum('process_cpu_seconds_total') - before;
    this.runtimes.order({ type: 'traffic', on: false });
    this.#figure('steady_writes', writes / seconds, 'per s');
    this.#figure('steady_cpu', cpu / seconds, 'cores');
    await this.#sayState();
  }

  async memory(): Promise<void> {
    const { now: resident, peak } = this.operator.memory();
    const { p999, max, ownP999, ownMax } = await this.operator.stalls('Start');
    const cpu = (await this.operator.metrics())!.sum('process_cpu_seconds_total');
    this.#figure(`rss_${this.crowd.agents}`, resident, 'MiB');
    this.#figure(`rss_${this.crowd.agents}_peak`, peak, 'MiB');
    this.#figure('heap', await this.operator.heapInUse(), 'MiB');
    this.#figure('cpu', cpu, 's');
    this.#figure('eventloop_lag_p999', p999, 'ms');
    this.#figure('eventloop_lag_max', max, 'ms');
    this.#figure('eventloop_own_p999', ownP999, 'ms');
    this.#figure('eventloop_own_max', ownMax, 'ms');
  }

  /** Prints memory and stalls after a step. */
  async #sayState(): Promise<void> {
    const { now: resident } = this.operator.memory();
    const { p999, max, ownP999, ownMax } = await this.operator.stalls('LastCall');
    const ms = (lag: number, own: number): string => `${lag.toFixed(0)} (own ${own.toFixed(0)}) ms`;
    const stalls = `p99.9 ${ms(p999, ownP999)}, at most ${ms(max, ownMax)}`;
    const [load] = loadavg();
    say(`${resident.toFixed(0)} MiB; stalls: ${stalls}; load ${load!.toFixed(1)}`);
  }
}
