import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { joinOf } from '../desired/policies/attach.ts';
import type { Policy, PolicyAttachment, PolicyRef } from '../desired/policies/attachment.ts';
import type { PolicyJoin } from '../desired/policies/policyJoin.ts';
import type { Caches } from './caches.ts';

/** The policies and agents of one namespace, joined, to look things up by name. */
export type NamespaceAttachment = Pick<
  PolicyJoin,
  'agents' | 'breakers' | 'limits' | 'policiesOf' | 'targetsOf' | 'shareOf'
>;

/**
 * Policies joined with agents, by namespace. A namespace is joined from the caches when it is asked for first; each change
 * after that concerns only what it is about.
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

  /** How things were when they were looked at last; undefined if they were not. */
  lastLook(namespace: string): LastLook | undefined {
    const known = this.#known.get(namespace);
    return (
      known && {
        policiesOf: (kind, agent) => known.of(kind).lastPoliciesOf(agent),
        targetsOf: (kind, name) => [...known.of(kind).lastTargetsOf(name)],
      }
    );
  }

  /** @param agent absent: it is gone */
  agentChanged(namespace: string, name: string, agent: AgentDeployment | undefined): void {
    this.#change(namespace, (join) => {
      if (agent) join.setAgent(agent);
      else join.deleteAgent(name);
    });
  }

  /** @param policy absent: it is gone */
  policyChanged(namespace: string, { kind, name }: PolicyRef, policy: Policy | undefined): void {
    this.#change(namespace, (join) => {
      if (policy) join.setPolicy(policy);
      else join.deletePolicy(kind, name);
    });
  }

  /**
   * Takes over a version of a policy that claims what the one before claimed.
   * @returns what came of it, unless the namespace is yet to be joined
   */
  replace(namespace: string, policy: Policy): PolicyAttachment | undefined {
    return this.#known.get(namespace)?.replacePolicy(policy);
  }

  /** The same for an agent. The version before is in memory no longer. */
  replaceAgent(namespace: string, agent: AgentDeployment): void {
    this.#known.get(namespace)?.replaceAgent(agent);
  }

  breaker(namespace: string, name: string): PolicyAttachment<CircuitBreakerPolicy> | undefined {
    return this.of(namespace).breakers.get(name);
  }

  limit(namespace: string, name: string): PolicyAttachment<RateLimitPolicy> | undefined {
    return this.of(namespace).limits.get(name);
  }

  /** A namespace that a change cannot be worked into is joined anew, from the caches, when it is asked for. */
  #change(namespace: string, change: (join: PolicyJoin) => void): void {
    const known = this.#known.get(namespace);
    if (known === undefined) return;
    this.#known.delete(namespace);
    change(known);
    if (!known.isEmpty) this.#known.set(namespace, known);
  }
}

export type LastLook = Pick<PolicyJoin, 'policiesOf' | 'targetsOf'>;
