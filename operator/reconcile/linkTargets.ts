import { PORTS } from '../../contract/link.ts';
import { AGENT_LABEL } from '../desired/common/metadata.ts';
import type { Pod } from '../kube/index.ts';
import type { AgentKey, PodLinks, PodTarget } from '../links/index.ts';
import { agentKeyOfChild } from './agentOf.ts';
import type { Caches } from './caches.ts';
import { isTerminating } from './observe.ts';
import type { Replicas } from './replicas.ts';

/** Keeps the targets of links the same as the pods, agent by agent, however many pods change at once. */
export class LinkTargets {
  readonly #links: Pick<PodLinks, 'setTargetsOf'>;
  readonly #replicas: Pick<Replicas, 'of'>;
  readonly #soon: (call: () => void) => void;
  readonly #due = new Set<AgentKey>();

  /** @param soon calls back after the changes that come in together */
  constructor(
    links: Pick<PodLinks, 'setTargetsOf'>,
    replicas: Pick<Replicas, 'of'>,
    soon: (call: () => void) => void = setImmediate,
  ) {
    this.#links = links;
    this.#replicas = replicas;
    this.#soon = soon;
  }

  /** To be called with what followPods tells. */
  changed(agent: AgentKey): void {
    if (this.#due.size === 0) this.#soon(() => this.#update());
    this.#due.add(agent);
  }

  #update(): void {
    const all = [...this.#due];
    this.#due.clear();
    for (const agent of all) this.#links.setTargetsOf(agent, targetsOf(this.#replicas.of(agent)));
  }
}

/** Calls back with the key of each agent of which a pod came, went or changed, or counts from now on or no more. */
export function followPods(
  { pods, replicas }: Pick<Caches, 'pods' | 'replicas'>,
  changed: (agent: AgentKey) => void,
): void {
  replicas.onChange(changed);
  pods.onChange((current, previous) => {
    // A pod that gets the label of another agent leaves the one before.
    const agents = [previous, current].map((pod) => pod && agentKeyOfChild(pod));
    for (const agent of new Set(agents)) if (agent !== undefined) changed(agent);
  });
}

/** Of pods that are replicas, those that are to have links. */
export function targetsOf(replicas: readonly Pod[]): PodTarget[] {
  return replicas.filter(isTarget).map(targetOf);
}

/** A pod that is being deleted still tells what happens in it until its process has ended; see `PodTarget.killedAt`. */
const isTarget = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined || !isTerminating(pod);

function targetOf({ metadata, spec, status }: Pod): PodTarget {
  return {
    namespace: metadata.namespace!,
    agent: metadata.labels![AGENT_LABEL]!,
    name: metadata.name,
    uid: metadata.uid!,
    serviceAccount: spec.serviceAccountName!,
    ...(status?.podIP && { ip: status.podIP }),
    ...(status?.podIPs && { ips: status.podIPs.map(({ ip }) => ip) }),
    port: PORTS.control,
    running: status?.phase === 'Running',
    ready: status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    ...(metadata.deletionTimestamp !== undefined && {
      killedAt: Date.parse(metadata.deletionTimestamp),
    }),
  };
}
