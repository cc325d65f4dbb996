import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { joinOf } from '../desired/policies/attach.ts';
import type { Policy, PolicyAttachment, PolicyRef } from '../desired/policies/attachment.ts';
import type { PolicyJoin } from '../desired/policies/policyJoin.ts';
import type { Caches } from './caches.ts';

/** Which policies are attached to which agents of one namespace, by name. */
export type NamespaceAttachment = Pick<
  PolicyJoin,
  'agents' | 'breakers' | 'limits' | 'policiesOf' | 'targetsOf' | 'shareOf'
>;

/**
 * Which policies are attached to which agents, by namespace. The first lookup joins a namespace from the caches. Each
 * change after that recomputes only the affected agents and policies.
 */
export class Attachments {
  readonly #caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>;
  readonly #known = new Map<string, PolicyJoin>();

  constructor(caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>) {
    this.#caches = caches;
  }

  of(namespace: string): NamespaceAttachment {
    const known = this.#known.get(namespace);
    if (known) return known;
    const { agents, breakers, limits } = this.#caches;
    const policies = { breakers: breakers.list(namespace), limits: limits.list(namespace) };
    const made = joinOf(policies, agents.list(namespace));
    this.#known.set(namespace, made);
    return made;
  }

  /** The results of the last lookups, without later changes; undefined if there were none. */
  lastLookup(namespace: string): AttachmentLookup | undefined {
    const known = this.#known.get(namespace);
    return (
      known && {
        policiesOf: (kind, agent) => known.of(kind).lastPoliciesOf(agent),
        targetsOf: (kind, name) => [...known.of(kind).lastTargetsOf(name)],
      }
    );
  }

  /** @param agent undefined after its deletion */
  agentChanged(namespace: string, name: string, agent: AgentDeployment | undefined): void {
    this.#change(namespace, (join) => {
      if (agent) join.setAgent(agent);
      else join.deleteAgent(name);
    });
  }

  /** @param policy undefined after its deletion */
  policyChanged(namespace: string, { kind, name }: PolicyRef, policy: Policy | undefined): void {
    this.#change(namespace, (join) => {
      if (policy) join.setPolicy(policy);
      else join.deletePolicy(kind, name);
    });
  }

  /**
   * Replaces a policy by a version that claims the same targets.
   * @returns the new attachment; undefined while the namespace is not joined or does not know the policy
   */
  replace(namespace: string, policy: Policy): PolicyAttachment | undefined {
    return this.#known.get(namespace)?.replacePolicy(policy);
  }

  /** Replaces an agent by a version with the same spec and labels, and frees the memory of the former. */
  replaceAgent(namespace: string, agent: AgentDeployment): void {
    this.#known.get(namespace)?.replaceAgent(agent);
  }

  breaker(namespace: string, name: string): PolicyAttachment<CircuitBreakerPolicy> | undefined {
    return this.of(namespace).breakers.get(name);
  }

  limit(namespace: string, name: string): PolicyAttachment<RateLimitPolicy> | undefined {
    return this.of(namespace).limits.get(name);
  }

  /** If a change fails half-way, the next lookup joins the namespace anew from the caches. */
  #change(namespace: string, change: (join: PolicyJoin) => void): void {
    const known = this.#known.get(namespace);
    if (known === undefined) return;
    this.#known.delete(namespace);
    change(known);
    if (!known.isEmpty) this.#known.set(namespace, known);
  }
}

export type AttachmentLookup = Pick<PolicyJoin, 'policiesOf' | 'targetsOf'>;
