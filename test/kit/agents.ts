import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Api } from './api.ts';
import { hasCondition } from './conditions.ts';
import { waitFor } from './wait.ts';

interface ContainerStatus {
  name: string;
  restartCount: number;
  containerID?: string;
}

/** The fields of a pod that tests read. */
export interface Pod extends KubernetesObject {
  spec: Record<string, unknown> & { nodeName?: string };
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: { type: string; status: string }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}

/** Whether the pod is ready and not being deleted. */
export function isReady(pod: Pod): boolean {
  const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  return pod.metadata.deletionTimestamp === undefined && ready === true;
}

/** Restarts of containers by the name of the pod. */
export function restarts(pods: readonly Pod[]): Record<string, number> {
  return Object.fromEntries(
    pods.map((pod) => [
      pod.metadata.name,
      [
        ...(pod.status?.initContainerStatuses ?? []),
        ...(pod.status?.containerStatuses ?? []),
      ].reduce((sum, { restartCount }) => sum + restartCount, 0),
    ]),
  );
}

/** Reads agents and policies in a cluster, and waits for their state. */
export class Agents {
  readonly #api: Api;
  readonly #namespace: string;

  constructor(api: Api, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  agent(name: string): Promise<AgentDeployment> {
    return this.#api.get('agentdeployments', this.#namespace, name);
  }

  breaker(name: string): Promise<CircuitBreakerPolicy> {
    return this.#api.get('circuitbreakerpolicies', this.#namespace, name);
  }

  limit(name: string): Promise<RateLimitPolicy> {
    return this.#api.get('ratelimitpolicies', this.#namespace, name);
  }

  /** All pods of an agent, including those that are being deleted. */
  pods(agent: string): Promise<Pod[]> {
    return this.#api.list('pods', this.#namespace, `breakwater.dev/agent=${agent}`);
  }

  /** The agent's ready pods, in the order of their names. */
  async readyPods(agent: string): Promise<Pod[]> {
    return (await this.pods(agent)).filter(isReady);
  }

  /** Waits until every pod is ready and enforces every policy. */
  async waitForAgent(name: string, timeoutMs = 120_000): Promise<AgentDeployment> {
    return waitFor(
      `AgentDeployment ${name} is Ready and PoliciesProgrammed`,
      () => this.agent(name),
      (agent) =>
        hasCondition(agent, 'Ready', 'True') &&
        hasCondition(agent, 'PoliciesProgrammed', 'True') &&
        agent.status?.readyReplicas === agent.spec.replicas,
      { timeoutMs },
    );
  }

  /** Waits for a state of a CircuitBreakerPolicy, such as Open in 3 pods. */
  async waitForBreaker(
    name: string,
    description: string,
    isDone: (policy: CircuitBreakerPolicy) => boolean,
    timeoutMs = 60_000,
  ): Promise<CircuitBreakerPolicy> {
    return waitFor(
      `CircuitBreakerPolicy ${name}: ${description}`,
      () => this.breaker(name),
      isDone,
      { timeoutMs, everyMs: 50 },
    );
  }
}
