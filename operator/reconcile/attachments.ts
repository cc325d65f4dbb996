import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import { attach } from '../desired/policies/attach.ts';
import type { AgentAttachment, Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import type { Caches } from './caches.ts';

/** The policies and agents of one namespace, joined, to look things up by name. */
export interface NamespaceAttachment {
  agents: ReadonlyMap<string, AgentAttachment>;
  breakers: ReadonlyMap<string, PolicyAttachment<CircuitBreakerPolicy>>;
  limits: ReadonlyMap<string, PolicyAttachment<RateLimitPolicy>>;
  /** Names of the policies of a kind that are for an agent, whether or not another policy takes precedence there. */
  policiesOf(kind: Policy['kind'], agent: string): readonly string[];
  /** Names of the agents that the policy is for. */
  targetsOf(kind: Policy['kind'], name: string): readonly string[];
}

/** Policies joined with agents, by namespace, worked out anew only after one of them changed. */
export class Attachments {
  readonly #caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>;
  readonly #known = new Map<string, NamespaceAttachment>();

  constructor(caches: Pick<Caches, 'agents' | 'breakers' | 'limits'>) {
    this.#caches = caches;
  }

  of(namespace: string): NamespaceAttachment {
    const known = this.#known.get(namespace);
    if (known) return known;
    const { agents, breakers, limits } = this.#caches;
    const made = indexed(
      attach(
        { breakers: breakers.list(namespace), limits: limits.list(namespace) },
        agents.list(namespace),
      ),
    );
    this.#known.set(namespace, made);
    return made;
  }

  /**
   * To be called when an agent or a policy of the namespace changed.
   * @returns what was known until then, if anything was asked for since the last change
   */
  invalidate(namespace: string): NamespaceAttachment | undefined {
    const known = this.#known.get(namespace);
    this.#known.delete(namespace);
    return known;
  }

  /**
   * Takes over a version of a policy that claims what the one before claimed.
   * @returns what came of it, unless the namespace is yet to be joined anew
   */
  replace(namespace: string, policy: Policy): PolicyAttachment | undefined {
    const known = this.#known.get(namespace);
    const { kind, metadata } = policy;
    const all: ReadonlyMap<string, PolicyAttachment<Policy>> | undefined =
      kind === 'CircuitBreakerPolicy' ? known?.breakers : known?.limits;
    const found = all?.get(metadata.name);
    if (found?.policy.metadata.uid !== metadata.uid) return undefined;
    found!.policy = policy;
    for (const target of found!.targets) hold(known!.agents.get(target), policy);
    return found;
  }

  /** The same for an agent. The version before is in memory no longer. */
  replaceAgent(namespace: string, agent: AgentDeployment): void {
    const found = this.#known.get(namespace)?.agents.get(agent.metadata.name);
    if (found?.agent.metadata.uid === agent.metadata.uid) found!.agent = agent;
  }

  breaker(namespace: string, name: string): PolicyAttachment<CircuitBreakerPolicy> | undefined {
    return this.of(namespace).breakers.get(name);
  }

  limit(namespace: string, name: string): PolicyAttachment<RateLimitPolicy> | undefined {
    return this.of(namespace).limits.get(name);
  }
}

/** Replaces an earlier version of a policy wherever it is in force on the agent. */
function hold(agent: AgentAttachment | undefined, policy: Policy): void {
  if (!agent) return;
  const { circuits, limits } = agent;
  const inForce = (policy.kind === 'CircuitBreakerPolicy' ? circuits : limits) as Map<
    string,
    Policy
  >;
  for (const [section, { metadata }] of inForce) {
    if (metadata.uid === policy.metadata.uid) inForce.set(section, policy);
  }
}

function indexed({ agents, breakers, limits }: ReturnType<typeof attach>): NamespaceAttachment {
  const byBreaker = byName(breakers);
  const byLimit = byName(limits);
  const breakersOf = byTarget(breakers);
  const limitsOf = byTarget(limits);
  return {
    agents,
    breakers: byBreaker,
    limits: byLimit,
    policiesOf: (kind, agent) =>
      (kind === 'CircuitBreakerPolicy' ? breakersOf : limitsOf).get(agent) ?? [],
    targetsOf: (kind, name) =>
      (kind === 'CircuitBreakerPolicy' ? byBreaker : byLimit).get(name)?.targets ?? [],
  };
}

const byName = <P extends Policy>(all: PolicyAttachment<P>[]): Map<string, PolicyAttachment<P>> =>
  new Map(all.map((one) => [one.policy.metadata.name, one]));

function byTarget(all: PolicyAttachment<Policy>[]): Map<string, string[]> {
  const names = new Map<string, string[]>();
  for (const { policy, targets } of all) {
    for (const agent of targets) {
      const known = names.get(agent);
      if (known) known.push(policy.metadata.name);
      else names.set(agent, [policy.metadata.name]);
    }
  }
  return names;
}
