import type { AgentDeployment, CircuitBreakerPolicy } from '../../../crds/generated/types.ts';
import {
  Informer,
  keyOf,
  type KubeClient,
  type KubernetesObject,
} from '../../../operator/kube/index.ts';
import { AgentDeployments, CircuitBreakerPolicies } from '../../../operator/resources/resources.ts';

/** What a status says about pods, without times and figures. */
function factsOf({ status }: AgentDeployment | CircuitBreakerPolicy): string {
  const { conditions, summary, ...rest } = (status ?? {}) as Record<string, unknown>;
  const { state, pods, circuits } = rest as Record<string, unknown>;
  const told = ((conditions ?? []) as { type: string; status: string; reason: string }[]).map(
    ({ type, status: value, reason }) => `${type}=${value} ${reason}`,
  );
  return JSON.stringify([state, pods, circuits, summary, told]);
}

/** Watches all agents and policies, and records each change of a status. */
export class Facts {
  readonly #known = new Map<string, string>();
  /** Changes since the last `reset`, the latest first. */
  changes: { key: string; from: string; to: string }[] = [];
  #policies: Informer<CircuitBreakerPolicy>;
  #agents: Informer<AgentDeployment>;

  constructor(client: KubeClient, signal: AbortSignal) {
    this.#policies = new Informer({ client, resource: CircuitBreakerPolicies });
    this.#agents = new Informer({ client, resource: AgentDeployments });
    this.#policies.onChange((policy) => this.#heard('policy', policy));
    this.#agents.onChange((agent) => this.#heard('agent', agent));
    this.#policies.start(signal);
    this.#agents.start(signal);
  }

  reset(): void {
    this.changes = [];
  }

  /** Number of pods with the configuration of their policies, as the statuses of policies say. */
  get programmed(): number {
    return this.#policies
      .list()
      .reduce((sum, { status }) => sum + (status?.pods?.programmed ?? 0), 0);
  }

  #heard(
    kind: string,
    object: (KubernetesObject & (AgentDeployment | CircuitBreakerPolicy)) | undefined,
  ): void {
    if (!object) return;
    const key = `${kind} ${keyOf(object)}`;
    const to = factsOf(object);
    const from = this.#known.get(key);
    this.#known.set(key, to);
    if (from !== undefined && from !== to) this.changes.unshift({ key, from, to });
  }
}
