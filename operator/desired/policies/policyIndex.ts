import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import { byText } from '../common/wording.ts';
import { AgentIndex } from './agentIndex.ts';
import type { AgentAttachment, Policy, PolicyKind } from './attachment.ts';
import { isSameVersion } from './versions.ts';
import { KindJoin, type Delta, type Share } from './kindJoin.ts';

/**
 * The index joins the policies and agents of one namespace, and reports what each change affects. A section of a
 * CircuitBreakerPolicy is a dependency of an agent. A section of a RateLimitPolicy is `inbound` or a dependency. Of all
 * policies that claim a section, the first one by byPrecedence is in force. An invalid policy claims nothing. The result
 * does not depend on the order of changes.
 */
export class PolicyIndex {
  readonly #index = new AgentIndex();
  readonly breakers = new KindJoin<CircuitBreakerPolicy>('CircuitBreakerPolicy', this.#index);
  readonly limits = new KindJoin<RateLimitPolicy>('RateLimitPolicy', this.#index);
  readonly agents = { get: (name: string): AgentAttachment | undefined => this.#agent(name) };

  get isEmpty(): boolean {
    return this.#index.size === 0 && this.breakers.size === 0 && this.limits.size === 0;
  }

  /**
   * Takes an object that was created, changed or deleted, and returns what that affects. At least one of both versions
   * must be given.
   *
   * @param current undefined after its deletion
   * @param previous undefined after its creation
   */
  apply(
    current: AgentDeployment | Policy | undefined,
    previous: AgentDeployment | Policy | undefined,
  ): Delta {
    const { kind } = (current ?? previous)!;
    if (kind === 'AgentDeployment') {
      return this.#applyAgent(current as AgentDeployment, previous as AgentDeployment);
    }
    return kind === 'CircuitBreakerPolicy'
      ? this.breakers.apply(current as CircuitBreakerPolicy, previous as CircuitBreakerPolicy)
      : this.limits.apply(current as RateLimitPolicy, previous as RateLimitPolicy);
  }

  #applyAgent(current: AgentDeployment | undefined, previous: AgentDeployment | undefined): Delta {
    const { name } = (current ?? previous)!.metadata;
    if (current) this.#index.set(current);
    else this.#index.delete(name);
    if (isSameVersion(current, previous)) return { agents: [], policies: [] };
    const policies = [this.breakers, this.limits].flatMap((join) => join.agentChanged(name));
    return { agents: [name], policies };
  }

  /** Names of the policies of a kind that target an agent. A policy that wins no section there counts too. */
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

  of(kind: PolicyKind): Pick<KindJoin<Policy>, 'get' | 'policiesOf' | 'shareOf'> {
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
}
