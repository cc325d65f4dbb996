import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import type { Deployment, Informer, Pod } from '../kube/index.ts';
import type { Make } from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentOf.ts';

export interface ReplicaCaches {
  agents: Informer<AgentDeployment>;
  deployments: Informer<Deployment, Make>;
  replicaSets: Informer<KubernetesObject>;
  pods: Informer<Pod>;
}

/** What makes a pod a replica of an agent. */
interface Workload {
  /** Of the Deployment. */
  uid: string;
  /** Of the AgentDeployment that controls it. */
  agentUid: string;
  serviceAccount: string;
}

/**
 * The pods that are replicas of agents. Anyone who may create pods can give one an agent's labels and a token of the
 * agent's ServiceAccount. So a pod counts only when its owners lead to the agent, as Pod, ReplicaSet, Deployment,
 * AgentDeployment, and when it runs under the ServiceAccount that the Deployment gives its pods.
 */
export class Replicas {
  readonly #caches: ReplicaCaches;
  /** By key of the agent: the cache keeps Deployments as text, and this is asked for each pod. */
  readonly #workloads = new Map<string, Workload>();
  readonly #listeners: ((agentKey: string) => void)[] = [];

  constructor(caches: ReplicaCaches) {
    this.#caches = caches;
    caches.pods.addIndex(BY_AGENT, (pod) => [agentKeyOfChild(pod) ?? '']);
    caches.deployments.onChange((current, previous) => this.#deploymentChanged(current, previous));
    caches.replicaSets.onChange((current, previous) => {
      if (!current || !previous) this.#tell(agentKeyOfChild((current ?? previous)!));
    });
    caches.agents.onChange((current, previous) => {
      const { namespace, name } = (current ?? previous)!.metadata;
      if (!current || !previous) this.#tell(`${namespace}/${name}`);
    });
  }

  /** Calls the listener with the key of an agent of which other pods may count from now on. */
  onChange(listener: (agentKey: string) => void): void {
    this.#listeners.push(listener);
  }

  all(): Pod[] {
    return this.#caches.pods.list().filter((pod) => this.#isReplica(pod));
  }

  of(agentKey: string): Pod[] {
    return this.#caches.pods.byIndex(BY_AGENT, agentKey).filter((pod) => this.#isReplica(pod));
  }

  #isReplica(pod: Pod): boolean {
    const workload = this.#workloadOf(agentKeyOfChild(pod));
    if (workload === undefined) return false;
    if (pod.spec.serviceAccountName !== workload.serviceAccount) return false;
    return this.#deploymentOf(pod) === workload.uid;
  }

  /** Of an agent that is still there. */
  #workloadOf(key: string | undefined): Workload | undefined {
    if (key === undefined) return undefined;
    const workload = this.#workloads.get(key);
    const agent = this.#caches.agents.getByKey(key);
    return agent?.metadata.uid === workload?.agentUid ? workload : undefined;
  }

  /** UID of the Deployment that the pod's owners lead to. */
  #deploymentOf(pod: Pod): string | undefined {
    const owner = controllerOf(pod, 'ReplicaSet');
    if (owner === undefined) return undefined;
    const replicaSet = this.#caches.replicaSets.get(pod.metadata.namespace, owner.name);
    if (replicaSet?.metadata.uid !== owner.uid) return undefined;
    return replicaSet && controllerOf(replicaSet, 'Deployment')?.uid;
  }

  #deploymentChanged(current: Deployment | undefined, previous: Deployment | undefined): void {
    const key = agentKeyOfChild((current ?? previous)!);
    if (key === undefined) return;
    const before = JSON.stringify(this.#workloads.get(key));
    const workload = current && workloadOf(current, key);
    if (workload) this.#workloads.set(key, workload);
    else this.#workloads.delete(key);
    if (JSON.stringify(workload) !== before) this.#tell(key);
  }

  #tell(agentKey: string | undefined): void {
    if (agentKey === undefined) return;
    for (const listener of this.#listeners) listener(agentKey);
  }
}

function workloadOf(deployment: Deployment, key: string): Workload | undefined {
  const { namespace, uid } = deployment.metadata;
  const owner = controllerOf(deployment, 'AgentDeployment');
  if (owner === undefined || uid === undefined || `${namespace}/${owner.name}` !== key) return;
  const serviceAccount = deployment.spec.template.spec?.serviceAccountName ?? 'default';
  return { uid, agentUid: owner.uid, serviceAccount };
}

function controllerOf({ metadata }: KubernetesObject, kind: string): OwnerReference | undefined {
  const controller = metadata.ownerReferences?.find((owner) => owner.controller);
  return controller?.kind === kind ? controller : undefined;
}
