import { once } from 'node:events';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { FLEET } from '../../contract/link.ts';
import {
  Controller,
  EventRecorder,
  keyOf,
  Slices,
  type Clock,
  type KubeClient,
  type LeaderTerm,
  type Reconcile,
  type Traces,
} from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import type { PlanOptions } from '../desired/plan.ts';
import { agentKeyOfChild } from './agentOf.ts';
import { AgentReconciler } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Caches } from './caches.ts';
import { DeletionCosts } from './deletionCosts.ts';
import { targetsOf } from './linkTargets.ts';
import type { CircuitLeader } from './circuitLeader.ts';
import type { ProviderLeader } from './providerLeader.ts';
import type { OwnWrites } from './ownWrites.ts';
import {
  CONTROLLERS,
  enqueueReported,
  STATUS_OF,
  TASKS,
  type NewsOptions,
  type Task,
} from './queues.ts';
import { StatusReconciler } from './statuses.ts';
import type { StatusLag } from './statusLag.ts';
import { Upgrades } from './upgrades.ts';

/** How many at a time where fewer than of others: an agent's status is less urgent than its policies', which it follows. */
const AT_MOST: Partial<Record<Task, number>> = { agentStatus: 4 };

export interface TermOptions extends NewsOptions {
  client: KubeClient;
  caches: Caches;
  links: Links;
  fleet: Fleet;
  circuits: CircuitLeader;
  providers: ProviderLeader;
  lag: StatusLag;
  ownWrites: OwnWrites;
  plan: PlanOptions;
  /** How many agents at most roll at once because the operator is a new version. */
  upgradeConcurrency: number;
  /** How many agents an upgrade may make worse before it stops. */
  upgradeFailures: number;
  /** What agents' pods are to know of the operator's authorities, as PEM; asked at each reconcile. */
  authorityPem: () => string;
  /** Name of this process, for Events. */
  instance: string;
  logger: Logger;
  registry: Registry;
  clock: Clock;
  random: () => number;
  concurrency: number;
  traces: Traces;
}

/** Everything that only the leader does, for one term. */
export class Term {
  readonly #options: TermOptions;
  readonly #leading: LeaderTerm;
  readonly upgrades: Upgrades;
  readonly agents: AgentReconciler;
  readonly #statuses: StatusReconciler;
  readonly #slices: Slices;
  readonly #costs: DeletionCosts;
  /** Ends the links: with the term, or when limits of the fleet were handed over. */
  readonly #closing = new AbortController();

  constructor(options: TermOptions, leading: LeaderTerm) {
    const { caches, attachments, links, circuits, clock, random, logger, instance } = options;
    const client = options.client.guarded(() => leading.assertLeading());
    this.#options = options;
    this.#leading = leading;
    this.#slices = new Slices(clock);
    this.upgrades = new Upgrades({
      limit: options.upgradeConcurrency,
      maxFailures: options.upgradeFailures,
      deployments: caches.upgrading.filter((deployment) => {
        // Agents of another installation may be in the same namespace.
        const key = agentKeyOfChild(deployment);
        return key !== undefined && caches.agents.getByKey(key) !== undefined;
      }),
      wake: (key) => options.queues.agent.add(key),
    });
    this.agents = new AgentReconciler({
      client,
      caches,
      attachments,
      links,
      fleet: options.fleet,
      providers: options.providers,
      circuits,
      plan: options.plan,
      ownWrites: options.ownWrites,
      upgrades: this.upgrades,
      get authorityPem() {
        return options.authorityPem();
      },
      leaseTransitions: leading.leaseTransitions,
      now: () => options.clock.monotonic(),
      news: options.news,
      onReconciled: (key) => enqueueReported(options, key),
    });
    this.#costs = new DeletionCosts({
      ...{ client, links, clock },
      replicas: caches.replicas,
      agents: () => caches.agents.list().map(keyOf),
      agent: (key) => caches.agents.getByKey(key),
      logger: logger.child({ module: 'costs' }),
    });
    this.#statuses = new StatusReconciler({
      client,
      caches,
      attachments,
      links,
      circuits,
      news: options.news,
      agents: this.agents,
      fleet: options.fleet,
      clock,
      ownWrites: options.ownWrites,
      onWritten: (kind, key) => options.lag.written(kind, key),
      events: new EventRecorder({
        client,
        reportingController: 'breakwater.dev/operator',
        reportingInstance: instance,
        signal: leading.signal,
        logger,
        clock,
        random,
      }),
    });
  }

  /** Resolves when the next leader has the limits of the fleet, or need not wait for them any more. */
  async whenHandedOver(): Promise<void> {
    const { signal } = this.#closing;
    if (!signal.aborted) await once(signal, 'abort');
  }

  /** Works until the term ends, and resolves when the last work has ended. */
  async run(): Promise<void> {
    const { caches, links, fleet, circuits, providers, queues, lag } = this.#options;
    const { signal } = this.#leading;
    if (signal.aborted) this.#leave();
    else signal.addEventListener('abort', () => this.#leave(), { once: true });
    lag.reset();
    for (const queue of Object.values(queues)) queue.start();
    fleet.open(this.#closing.signal, {
      leads: () => this.#grants(),
      termOf: this.agents.termOf,
      agents: caches.agents.list().map(keyOf),
      beforeMs: this.#leading.givenUp ? FLEET.leavingMs : 0,
    });
    circuits.lead(signal, {
      termOf: this.agents.termOf,
      onChange: (key) => enqueueReported(this.#options, key),
    });
    providers.lead(signal, this.agents.termOf);
    // Pods are followed one by one; a term begins with all of them.
    links.setTargets(targetsOf(caches.replicas.all()));
    links.open(signal, this.agents.termOf, this.#closing.signal);
    const all = (task: Task, objects: { metadata: { namespace?: string; name: string } }[]): void =>
      objects.forEach(({ metadata }) =>
        queues[task].add(`${metadata.namespace}/${metadata.name}`, { priority: 'low' }),
      );
    all('agent', caches.agents.list());
    all('agentStatus', caches.agents.list());
    all('breakerStatus', caches.breakers.list());
    all('limitStatus', caches.limits.list());
    const controllers = TASKS.map((task) => this.#controller(task).run(signal));
    await Promise.all([...controllers, this.#costs.run(signal)]);
    for (const queue of Object.values(queues)) queue.stop();
    this.#statuses.close();
  }

  /** The fleet's limits are shared until the next leader does so, if this one was asked to stop. */
  #leave(): void {
    const close = (): void => this.#closing.abort();
    if (this.#leading.sinceGivenUp() === undefined) close();
    else this.#options.fleet.leave(close);
  }

  /** Whether no other leader counts on this one's granting nothing any more. */
  #grants(): boolean {
    const since = this.#leading.sinceGivenUp();
    if (since !== undefined) return since < FLEET.leavingMs;
    try {
      this.#leading.assertLeading();
      return true;
    } catch {
      return false;
    }
  }

  #controller(task: Task): Controller {
    const { queues, lag, logger, registry, clock, random, concurrency, traces } = this.#options;
    const kind = STATUS_OF[task];
    const reconcile: Record<Task, Reconcile> = {
      agent: this.agents.reconcile,
      agentStatus: this.#statuses.agent,
      breakerStatus: this.#statuses.breaker,
      limitStatus: this.#statuses.limit,
    };
    return new Controller({
      name: CONTROLLERS[task],
      reconcile: kind === undefined ? reconcile[task] : lag.measured(kind, reconcile[task]),
      queue: queues[task],
      concurrency: Math.min(concurrency, AT_MOST[task] ?? Infinity),
      logger,
      registry,
      clock,
      random,
      slices: this.#slices,
      traces,
    });
  }
}
