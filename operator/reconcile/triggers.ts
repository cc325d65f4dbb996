import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { isPaused } from '../desired/common/metadata.ts';
import { claimAlike } from '../desired/policies/attach.ts';
import type { Policy } from '../desired/policies/attachment.ts';
import { keyOf, type ChangeHandler, type Clock, type Priority } from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import { agentKeyOfChild, namesOf } from './agentOf.ts';
import type { Caches } from './caches.ts';
import { ChangeBatch } from './changeBatch.ts';
import { followPods, LinkTargets } from './linkTargets.ts';
import type { OwnWrites } from './ownWrites.ts';
import { enqueue, enqueueReported, type NewsOptions, type Queues } from './queues.ts';

export interface TriggerOptions extends NewsOptions {
  caches: Caches;
  links: Links;
  ownWrites: OwnWrites;
  clock: Pick<Clock, 'after'>;
  /** A number in [0, 1). */
  random: () => number;
  /** See ChangeBatch. */
  soon?: (call: () => void) => void;
}

/** The objects of a new agent come in one by one, as its reconcile makes them; it looks at them together. */
const MADE_MS = 1_000;
/**
 * Figures come every second from every pod; those of a while are looked at together. The more agents there are, the longer
 * that while may be: few of their figures are written anyway.
 */
const FIGURES_MS = 5_000;
const FIGURES_MS_PER_AGENT = 5;

/**
 * Turns what informers and links notice into keys to reconcile. It only enqueues: the leader works the queues off, and
 * a new leader starts from everything there is.
 */
export function connectTriggers(options: TriggerOptions): void {
  const { caches, attachments, links, queues, soon } = options;
  const batch = new ChangeBatch(attachments, (change) => enqueue(queues, change), soon);
  const policyChanged: ChangeHandler<Policy> = (current, previous) =>
    whenPolicyChanged(options, batch, current, previous);
  const childChanged: ChangeHandler<KubernetesObject> = (current, previous, { initial }) =>
    whenChildChanged(options, current, previous, initial ? 'low' : 'high');
  caches.agents.onChange((current, previous) =>
    whenAgentChanged(options, batch, current, previous),
  );
  caches.breakers.onChange(policyChanged);
  caches.limits.onChange(policyChanged);
  for (const informer of caches.children) informer.onChange(childChanged);
  for (const optional of [caches.monitoring, caches.keda]) {
    optional.onChange(childChanged);
    optional.onAvailability(() => {
      for (const agent of caches.agents.list()) queues.agent.add(keyOf(agent), { priority: 'low' });
    });
  }
  watchPods(options);
  const countersChanged = figuresOf(options);
  links.onChange((key, kind) => {
    if (kind === 'Counters') countersChanged(key);
    else enqueueReported(options, key);
  });
  links.onHigherTerm((key) => queues.agent.add(key));
}

function whenAgentChanged(
  { attachments, queues, ownWrites }: TriggerOptions,
  batch: ChangeBatch,
  current: AgentDeployment | undefined,
  previous: AgentDeployment | undefined,
): void {
  const { metadata } = (current ?? previous)!;
  const namespace = metadata.namespace!;
  if (current && previous && !differs(current, previous)) {
    attachments.replaceAgent(namespace, current);
    const statuses = { agents: [metadata.name] };
    return ownWrites.heard(current, () => enqueue(queues, { namespace, statuses }));
  }
  if (!current) ownWrites.forget(metadata.uid);
  batch.agentChanged(namespace, metadata.name, current);
}

function whenPolicyChanged(
  { caches, attachments, queues, ownWrites }: TriggerOptions,
  batch: ChangeBatch,
  current: Policy | undefined,
  previous: Policy | undefined,
): void {
  const { kind, metadata } = (current ?? previous)!;
  const namespace = metadata.namespace!;
  const policy = { kind, name: metadata.name };
  if (current && previous && !differs(current, previous)) {
    attachments.replace(namespace, current);
    const statuses = { policies: [policy] };
    return ownWrites.heard(current, () => enqueue(queues, { namespace, statuses }));
  }
  if (!current) ownWrites.forget(metadata.uid);
  whenPauseChanged(caches, queues, previous, current);
  const edited = current && previous && claimAlike(previous, current);
  if (!edited || !attachments.replace(namespace, current)) {
    return batch.policyChanged(namespace, policy, current);
  }
  enqueue(queues, { namespace, attachments: [attachments.of(namespace)], edited: [policy] });
}

/** What a paused policy held may be of agents that its spec does not name any more. */
function whenPauseChanged(
  caches: Caches,
  queues: Queues,
  previous: Policy | undefined,
  current: Policy | undefined,
): void {
  if (!previous || isPaused(previous) === (current !== undefined && isPaused(current))) return;
  const namespace = previous.metadata.namespace!;
  const agents = caches.agents.list(namespace).map((agent) => agent.metadata.name);
  enqueue(queues, { namespace, children: agents });
}

function whenChildChanged(
  { queues, ownWrites }: TriggerOptions,
  current: KubernetesObject | undefined,
  previous: KubernetesObject | undefined,
  priority: Priority,
): void {
  const key = agentKeyOfChild((current ?? previous)!);
  if (!current) ownWrites.forget(previous?.metadata.uid);
  if (key === undefined) return;
  const { namespace, name } = namesOf(key);
  const change = { namespace, children: [name] };
  if (current && !previous) {
    return enqueue(queues, change, (queue, each) => queue.addAfter(each, MADE_MS, { priority }));
  }
  const look = (): void => enqueue(queues, change);
  // How a roll-out goes on depends on the Deployment in the cache, so that each version of it is looked at.
  if (current && current.kind !== 'Deployment') ownWrites.heard(current, look);
  else look();
}

/** Whether more than the status, or bookkeeping in metadata, changed. */
function differs(current: KubernetesObject, previous: KubernetesObject): boolean {
  const facts = (object: KubernetesObject): string => {
    const { metadata } = object;
    return JSON.stringify([
      isPaused(object),
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      Object.entries(metadata.labels ?? {}).sort(),
    ]);
  };
  return facts(current) !== facts(previous);
}

/** Asks for the status of an agent some time after its figures changed, once for all changes until then. */
function figuresOf(options: TriggerOptions): (agent: string) => void {
  const { caches, clock, random } = options;
  const due = new Set<string>();
  return (agent) => {
    if (due.has(agent)) return;
    due.add(agent);
    const more = random() * caches.agents.size * FIGURES_MS_PER_AGENT;
    clock.after(FIGURES_MS + more, () => {
      due.delete(agent);
      enqueueReported(options, agent, (queue, key) => queue.add(key, { priority: 'low' }));
    });
  };
}

/** Keeps the targets of links the same as the pods, and asks for the status of their agents. */
function watchPods(options: TriggerOptions): void {
  const { caches, links, soon } = options;
  const targets = new LinkTargets(links, caches.replicas, soon);
  followPods(caches, (agent) => {
    targets.changed(agent);
    enqueueReported(options, agent);
  });
}
