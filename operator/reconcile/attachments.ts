import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../crds/generated/types.ts';
import { attach } from '../desired/attach.ts';
import type { Attachment, Policy, PolicyAttachment } from '../desired/attachment.ts';
import type { Caches } from './caches.ts';

/** Policies joined with agents, by namespace, worked out anew only after one of them changed. */
export class Attachments {
  readonly #caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>;
  readonly #known = new Map<string, Attachment>();

  constructor(caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>) {
    this.#caches = caches;
  }

  of(namespace: string): Attachment {
    const known = this.#known.get(namespace);
    if (known) return known;
    const { agents, breakers, limits } = this.#caches;
    const attachment = attach(
      { breakers: breakers.list(namespace), limits: limits.list(namespace) },
      agents.list(namespace),
    );
    this.#known.set(namespace, attachment);
    return attachment;
  }

  /** To be called when an agent or a policy of the namespace changed. */
  invalidate(namespace: string): void {
    this.#known.delete(namespace);
  }

  /** Takes over a version of a policy in which nothing but its status changed. */
  replace(namespace: string, policy: Policy): void {
    const known = this.#known.get(namespace);
    const all: PolicyAttachment<Policy>[] = known ? [...known.breakers, ...known.limits] : [];
    const found = all.find(({ policy: { metadata } }) => metadata.uid === policy.metadata.uid);
    if (found) found.policy = policy;
  }

  breaker(namespace: string, name: string): PolicyAttachment<CircuitBreakerPolicy> | undefined {
    return this.of(namespace).breakers.find(({ policy }) => policy.metadata.name === name);
  }

  limit(namespace: string, name: string): PolicyAttachment<RateLimitPolicy> | undefined {
    return this.of(namespace).limits.find(({ policy }) => policy.metadata.name === name);
  }

  /** Names of the policies of each kind that are for the agent, whether or not they hold a slot of it. */
  policiesOf(namespace: string, agent: string): { breakers: string[]; limits: string[] } {
    const { breakers, limits } = this.of(namespace);
    const concerned = (all: PolicyAttachment<Policy>[]): string[] =>
      all
        .filter(({ targets }) => targets.includes(agent))
        .map(({ policy }) => policy.metadata.name);
    return { breakers: concerned(breakers), limits: concerned(limits) };
  }

  /** Names of the agents that the policy is for. */
  targetsOf(namespace: string, kind: Policy['kind'], name: string): string[] {
    const found =
      kind === 'CircuitBreakerPolicy' ? this.breaker(namespace, name) : this.limit(namespace, name);
    return found?.targets ?? [];
  }
}
