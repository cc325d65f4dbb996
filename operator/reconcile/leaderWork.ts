import { randomUUID } from 'node:crypto';
import { addAbortListener } from 'node:events';
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
import { agentKeyOfChild } from './agentKeys.ts';
import { AgentReconciler } from './agents.ts';
import type { Fleet } from './fleet.ts';
import type { Caches } from './caches.ts';
import { DeletionCosts } from './deletionCosts.ts';
import { targetsOf } from './linkTargets.ts';
import type { OwnWrites } from './ownWrites.ts';
import {
  CONTROLLERS,
  enqueueReported,
  STATUS_OF,
  TASKS,
  type ReportedOptions,
  type Task,
} from './queues.ts';
import { StatusReconciler } from './statuses.ts';
import type { StatusLag } from './statusLag.ts';
import { Upgrades } from './upgrades.ts';

/** The share of requests that statuses of agents may have under way. They are less urgent than those of policies. */
const AGENT_STATUS_SHARE = 0.5;

export interface LeaderWorkOptions extends ReportedOptions {
  client: KubeClient;
  caches: Caches;
  links: Links;
  fleet: Fleet;
  lag: StatusLag;
  ownWrites: OwnWrites;
  plan: PlanOptions;
  /** How many agents may roll at once after an upgrade of the operator. */
  upgradeConcurrency: number;
  /** How many agents may fail before such an upgrade stops. */
  upgradeFailures: number;
  /** PEM of the authorities that agents' pods accept; called at each reconcile. */
  authorityPem: () => string;
  /** Name of this process, for Events. */
  instance: string;
  /** Namespace and name of the Lease. */
  installation: string;
  logger: Logger;
  registry: Registry;
  clock: Clock;
  random: () => number;
  concurrency: number;
  /** Concurrent requests to the API server. */
  requestsInFlight: number;
  traces: Traces;
}

/** What runs only while this process leads, for one term. */
export class LeaderWork {
  readonly #options: LeaderWorkOptions;
  readonly #leading: LeaderTerm;
  readonly upgrades: Upgrades;
  readonly agents: AgentReconciler;
  readonly #statuses: StatusReconciler;
  readonly #slices: Slices;
  readonly #costs: DeletionCosts;
  readonly #handedOver = Promise.withResolvers<void>();

  constructor(options: LeaderWorkOptions, leading: LeaderTerm) {
    const { caches, clock, random, logger, instance } = options;
    const client = options.client.guarded(() => leading.assertLeading());
    this.#options = options;
    this.#leading = leading;
    this.#slices = new Slices(clock);
    this.upgrades = createUpgrades(options);
    this.agents = new AgentReconciler({
      ...options,
      client,
      upgrades: this.upgrades,
      leaseTransitions: leading.leaseTransitions,
      now: () => clock.monotonic(),
      onReconciled: (key) => enqueueReported(options, key),
    });
    this.#costs = new DeletionCosts({
      ...options,
      client,
      replicas: caches.replicas,
      agents: () => caches.agents.list().map(keyOf),
      agent: (key) => caches.agents.getByKey(key),
      logger: logger.child({ module: 'costs' }),
    });
    this.#statuses = new StatusReconciler({
      ...options,
      client,
      agents: this.agents,
      onWritten: (kind, key) => options.lag.written(kind, key),
      events: new EventRecorder({
        ...{ client, logger, clock, random },
        reportingController: 'breakwater.dev/operator',
        reportingInstance: instance,
        signal: leading.signal,
      }),
    });
  }

  /** Resolves when the next leader has taken over the limits of fleets, or when it is too late to wait for it. */
  get whenHandedOver(): Promise<void> {
    return this.#handedOver.promise;
  }

  /** Works until the term ends, and resolves when the last reconcile has ended. */
  async run(): Promise<void> {
    const { queues, lag } = this.#options;
    const { signal } = this.#leading;
    await using stack = new AsyncDisposableStack();
    stack.defer(() => this.#statuses.close());
    lag.reset();
    for (const queue of Object.values(queues)) {
      queue.start();
      stack.defer(() => queue.stop());
    }
    this.#connect();
    this.#enqueueAll();
    const controllers = TASKS.map((task) => this.#controller(task).run(signal));
    await Promise.all([...controllers, this.#costs.run(signal)]);
  }

  /** Leads fleets and opens the links. Fleets begin first and end first, while their messages can be sent. */
  #connect(): void {
    const { caches, fleet, links } = this.#options;
    const { signal, givenUp } = this.#leading;
    const { termOf } = this.agents;
    const closing = new AbortController();
    const end = async (): Promise<void> => {
      await this.#handOver();
      closing.abort();
      this.#handedOver.resolve();
    };
    fleet.lead({
      session: randomUUID().slice(0, 13),
      leads: () => this.#mayGrant(),
      termOf,
      agents: caches.agents.list().map(keyOf),
      beforeMs: givenUp ? FLEET.leavingMs : 0,
      onChange: (key) => enqueueReported(this.#options, key),
    });
    // Later changes of pods update the targets one agent at a time; see LinkTargets.
    links.setTargets(targetsOf(caches.replicas.all()));
    links.open(signal, termOf, closing.signal);
    addAbortListener(signal, () => void end());
  }

  /** If this process stops, it first grants tokens until the next leader does. */
  async #handOver(): Promise<void> {
    const { fleet } = this.#options;
    if (this.#leading.sinceGivenUp() !== undefined) await fleet.leave();
    fleet.close();
  }

  #enqueueAll(): void {
    const { caches, queues } = this.#options;
    const enqueueEach = (
      task: Task,
      objects: { metadata: { namespace?: string; name: string } }[],
    ): void => {
      for (const object of objects) queues[task].add(keyOf(object), { priority: 'low' });
    };
    enqueueEach('agent', caches.agents.list());
    enqueueEach('agentStatus', caches.agents.list());
    enqueueEach('breakerStatus', caches.breakers.list());
    enqueueEach('limitStatus', caches.limits.list());
  }

  /** Whether this leader may grant tokens: no next leader counts on its silence yet. */
  #mayGrant(): boolean {
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
    const { queues, lag, logger, registry, clock, random, traces } = this.#options;
    const { concurrency, requestsInFlight } = this.#options;
    const mostStatuses = Math.ceil(requestsInFlight * AGENT_STATUS_SHARE);
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
      concurrency: task === 'agentStatus' ? Math.min(concurrency, mostStatuses) : concurrency,
      logger,
      registry,
      clock,
      random,
      slices: this.#slices,
      traces,
    });
  }
}

function createUpgrades(options: LeaderWorkOptions): Upgrades {
  const { caches, queues, upgradeConcurrency, upgradeFailures } = options;
  return new Upgrades({
    limit: upgradeConcurrency,
    maxFailures: upgradeFailures,
    deployments: caches.upgrading.filter((deployment) => {
      // Agents of another installation may be in the same namespace.
      const key = agentKeyOfChild(deployment);
      return key !== undefined && caches.agents.getByKey(key) !== undefined;
    }),
    wake: (key) => queues.agent.add(key),
  });
}
