import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { OPERATOR_COMMON_NAME, PORTS } from '../../../contract/link.ts';
import { AGENT_LABEL } from '../../../operator/desired/common/metadata.ts';
import { KubeClient, Transport } from '../../../operator/kube/index.ts';
import { type Authority, issueClientCertificate } from '../../../operator/links/authority.ts';
import { Secrets } from '../../../operator/resources/resources.ts';
import { DeadPort } from '../../../operator/testing/deadPort.ts';
import { settingsFrom } from '../../../operator/settings.ts';
import { say, waitFor } from '../../cluster/common/step.ts';
import { clusterOf } from '../../kit/operator/access.ts';
import { NAMESPACE, OperatorProcess } from '../../kit/operator/operatorProcess.ts';
import { Runtimes } from '../operator/runtimes.ts';
import { whenLeading, whenLinked, whenWarm } from '../operator/settled.ts';
import { LONG_MS, now } from '../operator/spans.ts';
import { inParallel, World } from '../operator/world.ts';
import type { BareOrder, BareResult } from './bareMain.ts';
import { Facts } from './facts.ts';

/** Prefix of the agents' namespaces. */
export const PREFIX = 'takeover';
/** Address of all dead pods. */
const DEAD = '127.66.66.66';
/** Each scrape costs the operator about 10 ms. */
const SCRAPE_MS = 200;
/** A prime number, which spreads dead pods over all pods and agents. */
const SPREAD = 7919;
/** Statuses follow links within a second or two. */
const QUIET_MS = 5_000;
/** Connections that the operator opens at a time with its default settings. */
const { dialling, tokenReviewsInFlight } = settingsFrom({
  POD_NAMESPACE: NAMESPACE,
  POD_NAME: 'bench',
  RUNTIME_IMAGE: 'bench',
});

/** One run: many pods, and leaders that are killed one after another. */
export class TakeoverBench {
  readonly #world: World;
  readonly #program: string;
  readonly #pods: number;
  readonly #podsPerAgent: number;
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #stop = new AbortController();
  #facts!: Facts;
  #operator: OperatorProcess | undefined;
  #runtimes: Runtimes | undefined;
  #deadPort: DeadPort | undefined;
  #authority!: Authority;
  #started = 0;
  #dead = 0;
  #made = 0;

  constructor(world: World, program: string, pods: number, podsPerAgent = 10) {
    this.#world = world;
    this.#program = program;
    this.#pods = pods;
    this.#podsPerAgent = podsPerAgent;
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

  get #agents(): number {
    return Math.ceil(this.#pods / this.#podsPerAgent);
  }

  /** Creates agents and their pods, and starts a leader that links to all of them. */
  async start(): Promise<void> {
    const agents = this.#agents;
    await this.#world.makeAgents(PREFIX, agents);
    this.#operator = await this.#startOperator();
    await waitFor('every agent has its account', LONG_MS, () => this.#hasAccounts(agents), 1_000);
    this.#authority = await this.#readAuthority();
    this.#deadPort = await DeadPort.start(DEAD, PORTS.control);
    const { certificate } = this.#authority;
    this.#runtimes = await Runtimes.start(this.#world.access, certificate, DEAD);
    await inParallel(this.#pods, (index) => this.#makePod(index));
    this.#made = this.#pods;
    await whenLinked(this.#operator, this.#live, SCRAPE_MS);
    this.#facts = new Facts(this.#client, this.#stop.signal);
  }

  /**
   * Makes more pods dead, until they are this percentage of all. Waits until the leader reports them.
   */
  async lose(percent: number): Promise<void> {
    const dead = Math.floor((this.#pods * percent) / 100);
    const more = dead - this.#dead;
    await inParallel(more, (index) =>
      this.#run(((this.#dead + index) * SPREAD) % this.#pods, DEAD),
    );
    this.#dead = dead;
    await whenLinked(this.#operator!, this.#live, SCRAPE_MS);
    await waitFor('status says which pods are alive', LONG_MS, () => this.#toldAll());
    await pause(QUIET_MS);
  }

  /** Measures a client that does nothing but link. */
  async bare(): Promise<BareResult> {
    const credentials = await issueClientCertificate(this.#authority, {
      commonName: OPERATOR_COMMON_NAME,
      lifeMs: 3_600_000,
    });
    const addresses = await this.#liveAddresses();
    const order: BareOrder = {
      access: this.#world.access,
      credentials,
      addresses,
      handshakes: dialling.handshakes.first,
      reviews: tokenReviewsInFlight,
    };
    const child = fork(join(import.meta.dirname, 'bareMain.ts'), {
      env: { ...process.env, BENCH: JSON.stringify(order) },
    });
    const [result] = (await once(child, 'message')) as [BareResult];
    return result;
  }

  /** Kills the leader. Measures from the standby's holding the Lease until it has links to all live pods. */
  async takeover(): Promise<BareResult & { falseWrites: number }> {
    const standby = await this.#startOperator();
    await whenWarm(standby);
    await pause(QUIET_MS);
    this.#facts.reset();
    await this.#operator!.end('SIGKILL');
    this.#operator = standby;
    const cpuBefore = await this.#cpuOf(standby);
    await whenLeading(this.#client, standby);
    const begun = now();
    await whenLinked(standby, this.#live, SCRAPE_MS);
    const seconds = (now() - begun) / 1000;
    const cpuSeconds = (await this.#cpuOf(standby)) - cpuBefore;
    await pause(QUIET_MS);
    const { changes } = this.#facts;
    for (const { key, from, to } of changes.slice(0, 3)) say(`${key}: ${from} became ${to}`);
    return { seconds, cpuSeconds, falseWrites: changes.length };
  }

  /** The most seconds from a pod's Running until it is linked. */
  async newPods(count: number): Promise<number> {
    let most = 0;
    for (let made = 0; made < count; made++) {
      await this.#makePod(this.#made++);
      const begun = now();
      await whenLinked(this.#operator!, this.#live, 20);
      most = Math.max(most, (now() - begun) / 1000);
    }
    return most;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#runtimes?.stop();
    await this.#deadPort?.stop();
    await this.#operator?.end('SIGKILL');
    await this.#transport.close();
  }

  async #cpuOf(operator: OperatorProcess): Promise<number> {
    return (await operator.metrics())!.sum('process_cpu_seconds_total');
  }

  async #startOperator(): Promise<OperatorProcess> {
    const { access, directory } = this.#world;
    const place = { program: this.#program, access, directory };
    return OperatorProcess.start(`operator-${this.#started++}`, place);
  }

  async #hasAccounts(agents: number): Promise<boolean> {
    const { body } = await this.#world.server.request<{ items: object[] }>(
      'GET',
      '/api/v1/serviceaccounts',
      { query: { labelSelector: AGENT_LABEL } },
    );
    return body.items.length === agents;
  }

  async #readAuthority(): Promise<Authority> {
    const secret = await this.#client.get(Secrets, NAMESPACE, 'breakwater-authority');
    const read = (name: string): string => Buffer.from(secret!.data![name]!, 'base64').toString();
    return { certificate: read('tls.crt'), key: read('tls.key') };
  }

  #placeOf(index: number): { namespace: string; name: string } {
    return World.place(PREFIX, index % this.#agents);
  }

  async #makePod(index: number): Promise<void> {
    const { namespace, name } = this.#placeOf(index);
    await this.#world.makePod(namespace, name, `pod-${index}`);
    await this.#run(index, index);
  }

  /** Lets the pod run at an address: its own, or that of dead pods. */
  async #run(index: number, address: number | typeof DEAD): Promise<void> {
    await this.#world.runPod(this.#placeOf(index).namespace, `pod-${index}`, address);
  }

  async #liveAddresses(): Promise<string[]> {
    const { body } = await this.#world.server.request<{
      items: { status: { podIP: string } }[];
    }>('GET', '/api/v1/pods', { query: { labelSelector: AGENT_LABEL } });
    return body.items.map(({ status }) => status.podIP).filter((ip) => ip !== DEAD);
  }

  get #live(): number {
    return this.#made - this.#dead;
  }

  #toldAll(): boolean {
    return this.#facts.programmed === this.#live;
  }
}
