import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import {
  Controller,
  EventRecorder,
  Slices,
  WorkQueue,
  type Clock,
  type KubeClient,
  type LeaderTerm,
  type Reconcile,
} from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import type { PlanOptions } from '../desired/plan.ts';
import { AgentReconciler } from './agents.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import type { OwnWrites } from './ownWrites.ts';
import { StatusReconciler } from './statuses.ts';
import type { StatusLag } from './statusLag.ts';
import { Upgrades } from './upgrades.ts';

/** What is reconciled: agents into objects, and the status of each kind. */
export type Task = 'agent' | 'agentStatus' | 'breakerStatus' | 'limitStatus';

const CONTROLLERS: Record<Task, string> = {
  agent: 'agentdeployment',
  agentStatus: 'agentdeployment-status',
  breakerStatus: 'circuitbreakerpolicy-status',
  limitStatus: 'ratelimitpolicy-status',
};

const TASKS = Object.keys(CONTROLLERS) as Task[];

/** Kinds whose status a task writes. */
const STATUS_OF: Partial<Record<Task, string>> = {
  agentStatus: 'AgentDeployment',
  breakerStatus: 'CircuitBreakerPolicy',
  limitStatus: 'RateLimitPolicy',
};

/** How many at a time where fewer than of others: an agent's status is less urgent than its policies', which it follows. */
const AT_MOST: Partial<Record<Task, number>> = { agentStatus: 4 };

/** One queue for each task. They outlive terms of office, so their metrics are registered once. */
export type Queues = Record<Task, WorkQueue>;

export function createQueues(options: {
  registry: Registry;
  clock: Clock;
  random: () => number;
  lag: StatusLag;
}): Queues {
  const queue = (task: Task): [Task, WorkQueue] => {
    const { lag, ...rest } = options;
    const named = { name: CONTROLLERS[task], ...rest };
    const kind = STATUS_OF[task];
    return [task, kind === undefined ? new WorkQueue(named) : lag.queue(kind, named)];
  };
  return Object.fromEntries(TASKS.map(queue)) as Queues;
}

export interface OfficeOptions {
  client: KubeClient;
  caches: Caches;
  attachments: Attachments;
  links: Links;
  queues: Queues;
  lag: StatusLag;
  ownWrites: OwnWrites;
  plan: PlanOptions;
  /** How many agents at most roll at once because the operator is a new version. */
  upgradeConcurrency: number;
  /** What agents' pods are to know of the operator's authorities, as PEM; asked at each reconcile. */
  authorityPem: () => string;
  /** Name of this process, for Events. */
  instance: string;
  logger: Logger;
  registry: Registry;
  clock: Clock;
  random: () => number;
  concurrency: number;
}

/** Everything that only the leader does, for one term of office. */
export class Office {
  readonly #options: OfficeOptions;
  readonly #term: LeaderTerm;
  readonly agents: AgentReconciler;
  readonly #statuses: StatusReconciler;
  readonly #slices: Slices;

  constructor(options: OfficeOptions, term: LeaderTerm) {
    const { caches, attachments, links, clock, random, logger, instance } = options;
    const client = options.client.guarded(() => term.assertLeading());
    this.#options = options;
    this.#term = term;
    this.#slices = new Slices(clock);
    this.agents = new AgentReconciler({
      client,
      caches,
      attachments,
      links,
      plan: options.plan,
      ownWrites: options.ownWrites,
      upgrades: new Upgrades({
        limit: options.upgradeConcurrency,
        deployments: caches.deployments.list(),
        wake: (key) => options.queues.agent.add(key),
      }),
      get authorityPem() {
        return options.authorityPem();
      },
      leaseTransitions: term.leaseTransitions,
      now: () => options.clock.monotonic(),
      onReconciled: (key) => enqueueStatuses(options, key),
    });
    this.#statuses = new StatusReconciler({
      client,
      caches,
      attachments,
      links,
      agents: this.agents,
      clock,
      ownWrites: options.ownWrites,
      onWritten: (kind, key) => options.lag.written(kind, key),
      events: new EventRecorder({
        client,
        reportingController: 'breakwater.dev/operator',
        reportingInstance: instance,
        signal: term.signal,
        logger,
        clock,
        random,
      }),
    });
  }

  /** Works until the term ends, and resolves when the last work has ended. */
  async run(): Promise<void> {
    const { caches, links, queues, lag } = this.#options;
    const { signal } = this.#term;
    lag.reset();
    links.open(signal, this.agents.termOf);
    const all = (task: Task, objects: { metadata: { namespace?: string; name: string } }[]): void =>
      objects.forEach(({ metadata }) =>
        queues[task].add(`${metadata.namespace}/${metadata.name}`, { priority: 'low' }),
      );
    all('agent', caches.agents.list());
    all('agentStatus', caches.agents.list());
    all('breakerStatus', caches.breakers.list());
    all('limitStatus', caches.limits.list());
    await Promise.all(TASKS.map((task) => this.#controller(task).run(signal)));
  }

  #controller(task: Task): Controller {
    const { queues, lag, logger, registry, clock, random, concurrency } = this.#options;
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
    });
  }
}

/**
 * Asks for the status of every policy that is for an agent and of the agent. Policies first: they are what people look
 * at. With `laterMs`, in so many milliseconds, or when they are looked at anyway.
 */
export function enqueueStatuses(
  { queues, attachments }: Pick<OfficeOptions, 'queues' | 'attachments'>,
  key: string,
  laterMs = 0,
): void {
  const slash = key.indexOf('/');
  const namespace = key.slice(0, slash);
  const { breakers, limits } = attachments.of(namespace).policiesOf(key.slice(slash + 1));
  const add = (queue: WorkQueue, each: string): void =>
    laterMs > 0 ? queue.addByAndBy(each, laterMs) : queue.add(each);
  for (const name of breakers) add(queues.breakerStatus, `${namespace}/${name}`);
  for (const name of limits) add(queues.limitStatus, `${namespace}/${name}`);
  add(queues.agentStatus, key);
}
