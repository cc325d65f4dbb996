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
 * section of a RateLimitPolicy is `inbound` or a dependency. Of all policies that claim a section, the first one by
 * byPrecedence is in force. An invalid policy claims nothing. The result does not depend on the order of changes.
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

  /** Replaces an agent by a version with the same labels and dependencies. */
  replaceAgent(agent: AgentDeployment): void {
    const known = this.#index.get(agent.metadata.name);
    if (known?.metadata.uid === agent.metadata.uid) this.#index.set(agent);
  }

  /**
   * Replaces a policy by a version that claims the same.
   * @returns the new attachment; undefined if the policy is unknown
   */
  replacePolicy(policy: Policy): PolicyAttachment | undefined {
    return policy.kind === 'CircuitBreakerPolicy'
      ? this.breakers.replace(policy)
      : this.limits.replace(policy);
  }

  /** Names of the policies of a kind that target an agent, also of those that win nothing there. */
  policiesOf(kind: PolicyKind, agent: string): readonly string[] {
    return this.of(kind).policiesOf(agent);
  }

  /** The policy's share on an agent: the same object until a change affects the agent. */
  shareOf(kind: PolicyKind, name: string, agent: string): Share | undefined {
    return this.of(kind).shareOf(name, agent);
  }

  /** Names of the agents that the policy targets. */
  targetsOf(kind: PolicyKind, name: string): readonly string[] {
    return this.of(kind).get(name)?.targets ?? [];
  }

  of(kind: PolicyKind): Pick<KindJoin<Policy>, 'get' | 'delete' | keyof Lookups> {
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

type Lookups = Pick<
  KindJoin<Policy>,
  'policiesOf' | 'lastPoliciesOf' | 'lastTargetsOf' | 'shareOf'
>;
