import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import { controllerOf, type Deployment, type Informer, type Pod } from '../kube/index.ts';
import type { Make } from '../resources/resources.ts';
import { agentKeyOfChild, BY_AGENT } from './agentKeys.ts';

export interface ReplicaCaches {
  agents: Informer<AgentDeployment>;
  deployments: Informer<Deployment, Make>;
  replicaSets: Informer<KubernetesObject>;
  pods: Informer<Pod>;
}

/** An agent's Deployment, as far as pods are checked against it. */
interface Workload {
  /** Of the Deployment. */
  uid: string;
  /** Key and UID of the AgentDeployment that controls it. */
  agent: string;
  agentUid: string;
  serviceAccount: string;
}

/**
 * The pods that are replicas of agents. Whoever may create pods can give one an agent's labels and ServiceAccount. So a
 * pod counts only if its owners lead to the agent (Pod, ReplicaSet, Deployment, AgentDeployment) and if it runs under
 * the ServiceAccount of the Deployment's pods.
 */
export class Replicas {
  readonly #caches: ReplicaCaches;
  /** By key of the agent. It spares parsing the Deployment, which the cache keeps as text, for each pod. */
  readonly #workloads = new Map<string, Workload>();
  /** Keys of agents by the UID of their Deployment. */
  readonly #agents = new Map<string, string>();
  readonly #listeners: ((agentKey: string) => void)[] = [];

  constructor(caches: ReplicaCaches) {
    this.#caches = caches;
    caches.pods.addIndex(BY_AGENT, (pod) => [agentKeyOfChild(pod) ?? '']);
    caches.deployments.onChange((current, previous) => this.#deploymentChanged(current, previous));
    caches.replicaSets.onChange((current, previous) => {
      const [now, before] = [current, previous].map((each) => each && workloadUidOf(each));
      if (current && previous && now === before) return;
      for (const uid of new Set([now, before])) this.#notify(this.#agents.get(uid ?? ''));
    });
    caches.agents.onChange((current, previous) => {
      const { namespace, name } = (current ?? previous)!.metadata;
      if (!current || !previous) this.#notify(`${namespace}/${name}`);
    });
  }

  /** Calls the listener with the key of an agent whose set of replicas may have changed. */
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

  /** Undefined if the agent is gone. */
  #workloadOf(key: string | undefined): Workload | undefined {
    if (key === undefined) return undefined;
    const workload = this.#workloads.get(key);
    const agent = this.#caches.agents.getByKey(key);
    return agent?.metadata.uid === workload?.agentUid ? workload : undefined;
  }

  /** UID of the Deployment that the pod's owners lead to. */
  #deploymentOf(pod: Pod): string | undefined {
    const owner = controllerOfKind('ReplicaSet', pod);
    if (owner === undefined) return undefined;
    const replicaSet = this.#caches.replicaSets.get(pod.metadata.namespace, owner.name);
    if (replicaSet?.metadata.uid !== owner.uid) return undefined;
    return replicaSet && workloadUidOf(replicaSet);
  }

  #deploymentChanged(current: Deployment | undefined, previous: Deployment | undefined): void {
    const workload = current && workloadOf(current);
    const before = this.#agents.get((current ?? previous)!.metadata.uid!);
    if (before !== undefined && before !== workload?.agent) this.#setWorkload(before, undefined);
    if (workload) this.#setWorkload(workload.agent, workload);
  }

  #setWorkload(agent: string, workload: Workload | undefined): void {
    const before = this.#workloads.get(agent);
    if (JSON.stringify(workload) === JSON.stringify(before)) return;
    if (before) this.#agents.delete(before.uid);
    this.#workloads.delete(agent);
    if (workload) {
      this.#workloads.set(agent, workload);
      this.#agents.set(workload.uid, agent);
    }
    this.#notify(agent);
  }

  #notify(agentKey: string | undefined): void {
    if (agentKey === undefined) return;
    for (const listener of this.#listeners) listener(agentKey);
  }
}

/** Undefined if label and owner of the Deployment do not name the same agent: then it is not the operator's. */
function workloadOf(deployment: Deployment): Workload | undefined {
  const { namespace, uid } = deployment.metadata;
  const owner = controllerOfKind('AgentDeployment', deployment);
  const agent = agentKeyOfChild(deployment);
  if (owner === undefined || uid === undefined || `${namespace}/${owner.name}` !== agent) return;
  const serviceAccount = deployment.spec.template.spec?.serviceAccountName ?? 'default';
  return { uid, agent, agentUid: owner.uid, serviceAccount };
}

/** UID of the Deployment of a ReplicaSet. */
function workloadUidOf(replicaSet: KubernetesObject): string | undefined {
  return controllerOfKind('Deployment', replicaSet)?.uid;
}

function controllerOfKind(kind: string, object: KubernetesObject): OwnerReference | undefined {
  const controller = controllerOf(object);
  return controller?.kind === kind ? controller : undefined;
}
