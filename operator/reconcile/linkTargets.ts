import { PORTS } from '../../contract/link.ts';
import { AGENT_LABEL } from '../desired/common/metadata.ts';
import type { Pod } from '../kube/index.ts';
import type { AgentKey, Links, PodTarget } from '../links/index.ts';
import { agentKeyOfChild } from './agentKeys.ts';
import type { Caches } from './caches.ts';
import { isTerminating } from './freshness.ts';
import type { Replicas } from './replicas.ts';

/** Keeps the targets of links equal to the pods. It updates an agent once per turn of the event loop. */
export class LinkTargets {
  readonly #links: Pick<Links, 'setTargetsOf'>;
  readonly #replicas: Pick<Replicas, 'of'>;
  readonly #defer: (call: () => void) => void;
  readonly #due = new Set<AgentKey>();

  /** @param defer calls back after the current turn of the event loop */
  constructor(
    links: Pick<Links, 'setTargetsOf'>,
    replicas: Pick<Replicas, 'of'>,
    defer: (call: () => void) => void = setImmediate,
  ) {
    this.#links = links;
    this.#replicas = replicas;
    this.#defer = defer;
  }

  /** Must be called after each change that followPods reports. */
  changed(agent: AgentKey): void {
    if (this.#due.size === 0) this.#defer(() => this.#update());
    this.#due.add(agent);
  }

  #update(): void {
    const all = [...this.#due];
    this.#due.clear();
    for (const agent of all) this.#links.setTargetsOf(agent, targetsOf(this.#replicas.of(agent)));
  }
}

/** Calls back with an agent's key after each change of one of its pods, and when a pod becomes or ceases to be its replica. */
export function followPods(
  { pods, replicas }: Pick<Caches, 'pods' | 'replicas'>,
  changed: (agent: AgentKey) => void,
): void {
  replicas.onChange(changed);
  pods.onChange((current, previous) => {
    // A changed label moves the pod from one agent to another.
    const agents = [previous, current].map((pod) => pod && agentKeyOfChild(pod));
    for (const agent of new Set(agents)) if (agent !== undefined) changed(agent);
  });
}

/** The replicas that need links. */
export function targetsOf(replicas: readonly Pod[]): PodTarget[] {
  return replicas.filter(isTarget).map(targetOf);
}

/** A pod that is being deleted still reports until its process ends; see `PodTarget.killedAt`. */
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
