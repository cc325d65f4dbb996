import type { Registry } from 'prom-client';
import { WorkQueue, type Clock } from '../kube/index.ts';
import type { PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import type { Delta } from '../desired/policies/kindJoin.ts';
import { namesOf } from './agentKeys.ts';
import type { AgentNotifier } from './agentNotifier.ts';
import type { Attachments } from './attachments.ts';
import type { StatusLag } from './statusLag.ts';

/** The operator's controllers: one writes agents' objects, the others write the status of each kind. */
export type Task = 'agent' | 'agentStatus' | 'breakerStatus' | 'limitStatus';

export const CONTROLLERS: Record<Task, string> = {
  agent: 'agentdeployment',
  agentStatus: 'agentdeployment-status',
  breakerStatus: 'circuitbreakerpolicy-status',
  limitStatus: 'ratelimitpolicy-status',
};

export const TASKS = Object.keys(CONTROLLERS) as Task[];

/** The kind whose status a task writes. */
export const STATUS_OF: Partial<Record<Task, string>> = {
  agentStatus: 'AgentDeployment',
  breakerStatus: 'CircuitBreakerPolicy',
  limitStatus: 'RateLimitPolicy',
};

const QUEUES: Record<PolicyKind, Task> = {
  CircuitBreakerPolicy: 'breakerStatus',
  RateLimitPolicy: 'limitStatus',
};
const KINDS = Object.keys(QUEUES) as PolicyKind[];

/** Puts a key into a queue. */
type Add = (queue: WorkQueue, key: string) => void;
const addNow: Add = (queue, key) => queue.add(key);

/** One queue for each task. Queues outlive terms, so that their metrics are registered once. */
export type Queues = Record<Task, WorkQueue>;

export function createQueues(options: {
  registry: Registry;
  clock: Clock;
  random: () => number;
  lag: StatusLag;
}): Queues {
  const queue = (task: Task): [Task, WorkQueue] => {
    const { lag, ...rest } = options;
    const kind = STATUS_OF[task];
    const onAdd = kind === undefined ? undefined : (key: string) => lag.noticed(kind, key);
    return [task, new WorkQueue({ name: CONTROLLERS[task], onAdd, ...rest })];
  };
  return Object.fromEntries(TASKS.map(queue)) as Queues;
}

/** Parts that learn of each change of an agent's pods. */
export interface ReportedOptions {
  queues: Queues;
  attachments: Attachments;
  notifier: AgentNotifier;
}

/** Enqueues the status of an agent and its policies: the agent was reconciled, or its pods changed or reported. */
export function enqueueReported(
  { queues, attachments, notifier }: ReportedOptions,
  key: string,
  add: Add = addNow,
): void {
  notifier.notify(key);
  const { namespace, name } = namesOf(key);
  const index = attachments.of(namespace);
  // Users look at the status of policies first.
  for (const kind of KINDS) {
    enqueueStatus(
      queues,
      namespace,
      index.policiesOf(kind, name).map((policy) => ({ kind, name: policy })),
      add,
    );
  }
  add(queues.agentStatus, key);
}

/** Enqueues what a change of an agent or a policy affects. The reconcile of an agent enqueues its status. */
export function enqueue(queues: Queues, namespace: string, { agents, policies }: Delta): void {
  for (const name of agents) queues.agent.add(`${namespace}/${name}`);
  enqueueStatus(queues, namespace, policies);
}

export function enqueueStatus(
  queues: Queues,
  namespace: string,
  policies: readonly PolicyRef[],
  add: Add = addNow,
): void {
  for (const { kind, name } of policies) add(queues[QUEUES[kind]], `${namespace}/${name}`);
}
