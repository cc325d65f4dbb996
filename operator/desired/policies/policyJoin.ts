import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import { byText } from '../common/wording.ts';
import { AgentIndex } from './agentIndex.ts';
import type { AgentAttachment, Policy, PolicyAttachment, PolicyKind } from './attachment.ts';
import { KindJoin, type Share } from './kindJoin.ts';

/**
 * The policies and agents of one namespace, joined. A section of a CircuitBreakerPolicy is a dependency of an agent. A
 * section of a RateLimitPolicy is `inbound` or a dependency. Of all policies that claim a section, the first by
 * byPrecedence is in force. An invalid policy claims nothing. The order in which objects come does not matter.
 */
export class PolicyJoin {
  readonly #index = new AgentIndex();
  readonly breakers = new KindJoin<CircuitBreakerPolicy>(this.#index);
  readonly limits = new KindJoin<RateLimitPolicy>(this.#index);
  readonly agents = { get: (name: string): AgentAttachment | undefined => this.#agent(name) };

  get isEmpty(): boolean {
    return this.#index.size === 0 && this.breakers.size === 0 && this.limits.size === 0;
  }

  setAgent(agent: AgentDeployment): void {
    this.#index.set(agent);
    this.#agentChanged(agent.metadata.name);
  }

  deleteAgent(name: string): void {
    this.#index.delete(name);
    this.#agentChanged(name);
  }

  setPolicy(policy: Policy): void {
    if (policy.kind === 'CircuitBreakerPolicy') this.breakers.set(policy);
    else this.limits.set(policy);
  }

  deletePolicy(kind: PolicyKind, name: string): void {
    this.of(kind).delete(name);
  }

  /** Takes over a version of an agent in which nothing that matters here differs. */
  replaceAgent(agent: AgentDeployment): void {
    const known = this.#index.get(agent.metadata.name);
    if (known?.metadata.uid === agent.metadata.uid) this.#index.set(agent);
  }

  /**
   * Takes over a version of a policy that claims what the one before claimed.
   * @returns what came of it, unless the policy is not known
   */
  replacePolicy(policy: Policy): PolicyAttachment | undefined {
    return policy.kind === 'CircuitBreakerPolicy'
      ? this.breakers.replace(policy)
      : this.limits.replace(policy);
  }

  /** Names of the policies of a kind that are for an agent, whether or not another policy takes precedence there. */
  policiesOf(kind: PolicyKind, agent: string): readonly string[] {
    return this.of(kind).policiesOf(agent);
  }

  /** What a policy comes to on an agent: the same object until a change concerns the agent. */
  shareOf(kind: PolicyKind, name: string, agent: string): Share | undefined {
    return this.of(kind).shareOf(name, agent);
  }

  /** Names of the agents that the policy is for. */
  targetsOf(kind: PolicyKind, name: string): readonly string[] {
    return this.of(kind).get(name)?.targets ?? [];
  }

  of(kind: PolicyKind): Pick<KindJoin<Policy>, 'get' | 'delete' | keyof LastLook> {
    return kind === 'CircuitBreakerPolicy' ? this.breakers : this.limits;
  }

  agentNames(): string[] {
    return [...this.#index.names()].sort(byText);
  }

  #agent(name: string): AgentAttachment | undefined {
    const agent = this.#index.get(name);
    if (agent === undefined) return undefined;
    return {
      agent,
      circuits: this.breakers.inForceOn(name),
      limits: this.limits.inForceOn(name),
    };
  }

  #agentChanged(name: string): void {
    this.breakers.agentChanged(name);
    this.limits.agentChanged(name);
  }
}

type LastLook = Pick<
  KindJoin<Policy>,
  'policiesOf' | 'lastPoliciesOf' | 'lastTargetsOf' | 'shareOf'
>;
