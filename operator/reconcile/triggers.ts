import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Policy } from '../desired/policies/attachment.ts';
import { keyOf, type ChangeHandler, type Clock, type Priority } from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import { agentKeyOfChild } from './agentKeys.ts';
import type { Caches } from './caches.ts';
import { followPods, LinkTargets } from './linkTargets.ts';
import { isPending } from './freshness.ts';
import type { OwnWrites } from './ownWrites.ts';
import { enqueue, enqueueReported, enqueueStatus, type ReportedOptions } from './queues.ts';

export interface TriggerOptions extends ReportedOptions {
  caches: Caches;
  links: Links;
  ownWrites: OwnWrites;
  clock: Pick<Clock, 'after'>;
  /** A number in [0, 1). */
  random: () => number;
  /** See LinkTargets. */
  defer?: (call: () => void) => void;
}

/** Delay after the creation of an agent's object. One reconcile then sees all objects of a new agent. */
const CREATED_MS = 1_000;
/**
 * Delay after figures, which every pod reports each second; it is up to twice as long, at random. One status then shows
 * those of all pods, and few of them are written anyway.
 */
const FIGURES_MS = 30_000;

/**
 * Turns the events of informers and links into keys to reconcile. It only enqueues. The leader works on the queues, and
 * a new leader begins with all objects.
 */
export function connectTriggers(options: TriggerOptions): void {
  const { caches, links, queues } = options;
  const policyChanged: ChangeHandler<Policy> = (current, previous) =>
    onPolicyChange(options, current, previous);
  const childChanged: ChangeHandler<KubernetesObject> = (current, previous, { initial }) =>
    onChildChange(options, current, previous, initial ? 'low' : 'high');
  caches.agents.onChange((current, previous) => onAgentChange(options, current, previous));
  caches.breakers.onChange(policyChanged);
  caches.limits.onChange(policyChanged);
  for (const informer of caches.children) informer.onChange(childChanged);
  caches.optional.onChange(childChanged);
  caches.optional.onAvailability(() => {
    for (const agent of caches.agents.list()) queues.agent.add(keyOf(agent), { priority: 'low' });
  });
  watchPods(options);
  const countersChanged = figuresOf(options);
  const stateChanged = (key: string): void => {
    // Of an agent's many pods, only the last one that is reached at a takeover lets status be made.
    const pods = caches.replicas.of(key);
    if (!isPending(pods, (uid) => links.podReport(uid))) enqueueReported(options, key);
  };
  links.onChange((key, kind) => {
    if (kind === 'Counters') countersChanged(key);
    else stateChanged(key);
  });
  links.onHigherTerm((key) => queues.agent.add(key));
}

function onAgentChange(
  { attachments, queues, ownWrites }: TriggerOptions,
  current: AgentDeployment | undefined,
  previous: AgentDeployment | undefined,
): void {
  const object = (current ?? previous)!;
  const delta = attachments.apply(current, previous);
  const status = (): void => queues.agentStatus.add(keyOf(object));
  if (delta.agents.length === 0) return ownWrites.unlessOurs(object, status);
  if (!current) ownWrites.forget(object.metadata.uid);
  enqueue(queues, object.metadata.namespace!, delta);
  status();
}

function onPolicyChange(
  { attachments, queues, ownWrites }: TriggerOptions,
  current: Policy | undefined,
  previous: Policy | undefined,
): void {
  const { kind, metadata } = (current ?? previous)!;
  const namespace = metadata.namespace!;
  const delta = attachments.apply(current, previous);
  if (delta.agents.length === 0 && delta.policies.length === 0) {
    const policies = [{ kind, name: metadata.name }];
    return ownWrites.unlessOurs(current!, () => enqueueStatus(queues, namespace, policies));
  }
  if (!current) ownWrites.forget(metadata.uid);
  enqueue(queues, namespace, delta);
}

function onChildChange(
  { queues, ownWrites }: TriggerOptions,
  current: KubernetesObject | undefined,
  previous: KubernetesObject | undefined,
  priority: Priority,
): void {
  const key = agentKeyOfChild((current ?? previous)!);
  if (!current) ownWrites.forget(previous?.metadata.uid);
  if (key === undefined) return;
  if (current && !previous) return queues.agent.addAfter(key, CREATED_MS, { priority });
  const reconcile = (): void => queues.agent.add(key);
  // The next step of a rollout depends on the cached Deployment, so every version of it is reconciled.
  if (current && current.kind !== 'Deployment') ownWrites.unlessOurs(current, reconcile);
  else reconcile();
}

/** Enqueues the status of an agent some time after its figures changed, once for all changes until then. */
function figuresOf(options: TriggerOptions): (agent: string) => void {
  const { clock, random } = options;
  const due = new Set<string>();
  return (agent) => {
    if (due.has(agent)) return;
    due.add(agent);
    clock.after(FIGURES_MS * (1 + random()), () => {
      due.delete(agent);
      enqueueReported(options, agent, (queue, key) => queue.add(key, { priority: 'low' }));
    });
  };
}

/** Keeps the targets of links equal to the pods, and enqueues the status of their agents. */
function watchPods(options: TriggerOptions): void {
  const { caches, links, defer } = options;
  const targets = new LinkTargets(links, caches.replicas, defer);
  followPods(caches, (agent) => {
    targets.changed(agent);
    enqueueReported(options, agent);
  });
}
