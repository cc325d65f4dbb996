import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { indexOf } from '../desired/policies/attach.ts';
import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import type { Delta } from '../desired/policies/kindJoin.ts';
import type { PolicyIndex } from '../desired/policies/policyIndex.ts';
import type { Caches } from './caches.ts';

/**
 * Which policies are attached to which agents, by namespace. The first lookup joins a namespace from the caches. Each
 * change after that recomputes only the affected agents and policies.
 */
export class Attachments {
  readonly #caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>;
  readonly #known = new Map<string, PolicyIndex>();

  constructor(caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>) {
    this.#caches = caches;
  }

  of(namespace: string): PolicyIndex {
    const known = this.#known.get(namespace);
    if (known) return known;
    const { agents, breakers, limits } = this.#caches;
    const policies = { breakers: breakers.list(namespace), limits: limits.list(namespace) };
    const made = indexOf(policies, agents.list(namespace));
    this.#known.set(namespace, made);
    return made;
  }

  /**
   * Takes an agent or a policy that was created, changed or deleted, and returns what that affects; see PolicyIndex. If it
   * fails half-way, the next lookup joins the namespace anew from the caches.
   */
  apply(
    current: AgentDeployment | Policy | undefined,
    previous: AgentDeployment | Policy | undefined,
  ): Delta {
    const namespace = (current ?? previous)!.metadata.namespace!;
    const index = this.of(namespace);
    this.#known.delete(namespace);
    const delta = index.apply(current, previous);
    if (!index.isEmpty) this.#known.set(namespace, index);
    return delta;
  }

  breaker(namespace: string, name: string): PolicyAttachment<CircuitBreakerPolicy> | undefined {
    return this.of(namespace).breakers.get(name);
  }

  limit(namespace: string, name: string): PolicyAttachment<RateLimitPolicy> | undefined {
    return this.of(namespace).limits.get(name);
  }
}
