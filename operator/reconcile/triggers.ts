import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { AGENT_LABEL } from '../desired/metadata.ts';
import { claimAlike } from '../desired/attach.ts';
import type { Policy } from '../desired/attachment.ts';
import { keyOf, type ChangeHandler, type Pod } from '../kube/index.ts';
import type { Links, PodTarget } from '../links/index.ts';
import { agentKeyOfChild, BY_AGENT } from './agentOf.ts';
import type { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import { Concerned } from './concerned.ts';
import { isTerminating } from './observe.ts';
import { enqueueStatuses, type Queues } from './office.ts';
import type { OwnWrites } from './ownWrites.ts';

export interface TriggerOptions {
  caches: Caches;
  attachments: Attachments;
  links: Links;
  queues: Queues;
  ownWrites: OwnWrites;
}

/** The objects of a new agent come in one by one, as its reconcile makes them; it looks at them together. */
const MADE_MS = 1_000;
/** Figures come every second from every pod; those of a while are looked at together. */
const FIGURES_MS = 5_000;

/**
 * Turns what informers and links notice into keys to reconcile. It only enqueues: whoever leads works
 * the queues off, and a new leader starts from everything there is.
 */
export function connectTriggers(options: TriggerOptions): void {
  const { caches, links, queues, ownWrites } = options;
  const concerned = new Concerned(options);
  const policyChanged: ChangeHandler<Policy> = (current, previous) =>
    whenPolicyChanged(options, concerned, current, previous);
  caches.agents.onChange((current, previous) =>
    whenAgentChanged(options, concerned, current, previous),
  );
  caches.breakers.onChange(policyChanged);
  caches.limits.onChange(policyChanged);
  const childChanged: ChangeHandler<KubernetesObject> = (current, previous) => {
    const key = agentKeyOfChild((current ?? previous)!);
    if (!current) ownWrites.forget(previous?.metadata.uid);
    if (key === undefined) return;
    if (current && !previous) return queues.agent.addAfter(key, MADE_MS);
    const look = (): void => queues.agent.add(key);
    // How a roll-out goes on depends on the Deployment in the cache, so that each version of it is looked at.
    if (current && current.kind !== 'Deployment') ownWrites.heard(current, look);
    else look();
  };
  for (const informer of caches.children) informer.onChange(childChanged);
  caches.monitoring.onChange(childChanged);
  caches.monitoring.onFacts(() => {
    for (const agent of caches.agents.list()) queues.agent.add(keyOf(agent), { priority: 'low' });
  });
  watchPods(options);
  links.onChange((key, kind) =>
    enqueueStatuses(options, key, kind === 'Counters' ? FIGURES_MS : 0),
  );
  links.onHigherTerm((key) => queues.agent.add(key));
}

function whenAgentChanged(
  { attachments, queues, ownWrites }: TriggerOptions,
  concerned: Concerned,
  current: AgentDeployment | undefined,
  previous: AgentDeployment | undefined,
): void {
  const object = (current ?? previous)!;
  const namespace = object.metadata.namespace!;
  const key = keyOf(object);
  if (current && previous && !differs(current, previous)) {
    ownWrites.heard(current, () => queues.agentStatus.add(key));
    return attachments.replaceAgent(namespace, current);
  }
  if (!current) ownWrites.forget(object.metadata.uid);
  queues.agentStatus.add(key);
  concerned.agentChanged(namespace, object.metadata.name);
  queues.agent.add(key);
}

function whenPolicyChanged(
  { attachments, queues, ownWrites }: TriggerOptions,
  concerned: Concerned,
  current: Policy | undefined,
  previous: Policy | undefined,
): void {
  const { kind, metadata } = (current ?? previous)!;
  const namespace = metadata.namespace!;
  const queue = kind === 'CircuitBreakerPolicy' ? queues.breakerStatus : queues.limitStatus;
  const look = (): void => queue.add(`${namespace}/${metadata.name}`);
  if (current && previous && !differs(current, previous)) {
    attachments.replace(namespace, current);
    return ownWrites.heard(current, look);
  }
  const targets = edited({ attachments }, current, previous);
  if (targets.length > 0) {
    for (const name of targets) queues.agent.add(`${namespace}/${name}`);
    // Whoever reconciles an agent asks for the status of its policies.
    return areLeaving(attachments, namespace, targets) ? look() : undefined;
  }
  if (!current) ownWrites.forget(metadata.uid);
  look();
  concerned.policyChanged(namespace, kind, metadata.name);
}

/** Whether all these agents are being deleted, and so not reconciled any more. */
function areLeaving(
  attachments: Attachments,
  namespace: string,
  names: readonly string[],
): boolean {
  const { agents } = attachments.of(namespace);
  return names.every((name) => agents.get(name)?.agent.metadata.deletionTimestamp !== undefined);
}

/** The agents of a policy that claims the slots that it claimed before; none when all is to be joined anew. */
function edited(
  { attachments }: Pick<TriggerOptions, 'attachments'>,
  current: Policy | undefined,
  previous: Policy | undefined,
): readonly string[] {
  if (!current || !previous || !claimAlike(previous, current)) return [];
  return attachments.replace(current.metadata.namespace!, current)?.targets ?? [];
}

/** Whether more than the status, or bookkeeping in metadata, changed. */
function differs(current: KubernetesObject, previous: KubernetesObject): boolean {
  const facts = ({ metadata }: KubernetesObject): string =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      metadata.deletionTimestamp,
      Object.entries(metadata.labels ?? {}).sort(),
    ]);
  return facts(current) !== facts(previous);
}

/** Keeps the targets of links the same as the pods, however many change at once. */
function watchPods(options: TriggerOptions): void {
  const { caches, links } = options;
  let due = false;
  const update = (): void => {
    due = false;
    links.setTargets(caches.pods.list().filter(isTarget).map(targetOf));
  };
  caches.pods.addIndex(BY_AGENT, (pod) => [agentKeyOfChild(pod) ?? '']);
  caches.pods.onChange((current, previous) => {
    if (!due) setImmediate(update);
    due = true;
    const key = agentKeyOfChild((current ?? previous)!);
    if (key !== undefined) enqueueStatuses(options, key);
  });
}

/** A pod that is being deleted still tells what happens in it until its process has ended; see `PodTarget.killedAt`. */
const isTarget = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined || !isTerminating(pod);

function targetOf({ metadata, status }: Pod): PodTarget {
  return {
    namespace: metadata.namespace!,
    agent: metadata.labels![AGENT_LABEL]!,
    name: metadata.name,
    uid: metadata.uid!,
    ...(status?.podIP && { ip: status.podIP }),
    port: PORTS.control,
    running: status?.phase === 'Running',
    ready: status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    ...(metadata.deletionTimestamp !== undefined && {
      killedAt: Date.parse(metadata.deletionTimestamp),
    }),
  };
}
