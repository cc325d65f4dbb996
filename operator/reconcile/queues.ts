import type { Registry } from 'prom-client';
import { WorkQueue, type Clock } from '../kube/index.ts';
import { namesOf } from './agentOf.ts';
import type { AgentNews } from './agentNews.ts';
import type { Attachments } from './attachments.ts';
import { agentKeys, agentStatusKeys, policyStatusKeys, type Change } from './changes.ts';
import type { StatusLag } from './statusLag.ts';

/** What is reconciled: agents into objects, and the status of each kind. */
export type Task = 'agent' | 'agentStatus' | 'breakerStatus' | 'limitStatus';

export const CONTROLLERS: Record<Task, string> = {
  agent: 'agentdeployment',
  agentStatus: 'agentdeployment-status',
  breakerStatus: 'circuitbreakerpolicy-status',
  limitStatus: 'ratelimitpolicy-status',
};

export const TASKS = Object.keys(CONTROLLERS) as Task[];

/** Kinds whose status a task writes. */
export const STATUS_OF: Partial<Record<Task, string>> = {
  agentStatus: 'AgentDeployment',
  breakerStatus: 'CircuitBreakerPolicy',
  limitStatus: 'RateLimitPolicy',
};

/** One queue for each task. They outlive terms, so their metrics are registered once. */
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

/** What hears that there is news of an agent. */
export interface NewsOptions {
  queues: Queues;
  attachments: Attachments;
  news: AgentNews;
}

/** Asks for the status of an agent whose pods changed or reported, or that was reconciled, and of its policies. */
export function enqueueReported(
  { queues, attachments, news }: NewsOptions,
  key: string,
  add?: (queue: WorkQueue, key: string) => void,
): void {
  news.tell(key);
  const { namespace, name } = namesOf(key);
  enqueue(queues, { namespace, attachments: [attachments.of(namespace)], reported: [name] }, add);
}

/**
 * Asks each reconciler for the keys that a change is about. Policies before agents: people look at them first.
 * @param add how a key gets into a queue; by default at once
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
