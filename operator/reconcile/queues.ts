import type { Registry } from 'prom-client';
import { WorkQueue, type Clock } from '../kube/index.ts';
import { namesOf } from './agentKeys.ts';
import type { AgentNotifier } from './agentNotifier.ts';
import type { Attachments } from './attachments.ts';
import { agentKeys, agentStatusKeys, policyStatusKeys, type Change } from './changes.ts';
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
    const named = { name: CONTROLLERS[task], ...rest };
    const kind = STATUS_OF[task];
    return [task, kind === undefined ? new WorkQueue(named) : lag.queue(kind, named)];
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
  add?: (queue: WorkQueue, key: string) => void,
): void {
  notifier.notify(key);
  const { namespace, name } = namesOf(key);
  enqueue(queues, { namespace, attachments: [attachments.of(namespace)], reported: [name] }, add);
}

/**
 * Enqueues all keys that a change affects. The status of policies comes before that of agents: users look at it first.
 * @param add puts a key into a queue. Default: at once
 */
export function enqueue(
  queues: Queues,
  change: Change,
  add: (queue: WorkQueue, key: string) => void = (queue, key) => queue.add(key),
): void {
  for (const key of agentKeys(change)) add(queues.agent, key);
  for (const key of policyStatusKeys('CircuitBreakerPolicy', change))
    add(queues.breakerStatus, key);
  for (const key of policyStatusKeys('RateLimitPolicy', change)) add(queues.limitStatus, key);
  for (const key of agentStatusKeys(change)) add(queues.agentStatus, key);
}
