import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Policy, PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import type { Attachments, LastLook } from './attachments.ts';
import type { Change } from './changes.ts';

interface Pending {
  before: Before;
  agents: Set<string>;
  policies: Map<string, PolicyRef>;
}

const KINDS: readonly PolicyKind[] = ['CircuitBreakerPolicy', 'RateLimitPolicy'];

/**
 * Works changes of agents and policies into the attachments, and collects those that come in together, so that what they
 * are about is looked up once for all of them.
 */
export class ChangeBatch {
  readonly #attachments: Attachments;
  readonly #onChange: (change: Change) => void;
  readonly #soon: (call: () => void) => void;
  readonly #pending = new Map<string, Pending>();

  /** @param soon calls back after the changes that come in together */
  constructor(
    attachments: Attachments,
    onChange: (change: Change) => void,
    soon: (call: () => void) => void = setImmediate,
  ) {
    this.#attachments = attachments;
    this.#onChange = onChange;
    this.#soon = soon;
  }

  /** @param current absent: it is gone */
  agentChanged(namespace: string, name: string, current: AgentDeployment | undefined): void {
    const { before, agents } = this.#pendingOf(namespace);
    before.keepAgent(name, this.#attachments.lastLook(namespace));
    agents.add(name);
    this.#attachments.agentChanged(namespace, name, current);
  }

  /** @param current absent: it is gone */
  policyChanged(namespace: string, policy: PolicyRef, current: Policy | undefined): void {
    const { before, policies } = this.#pendingOf(namespace);
    before.keepPolicy(policy, this.#attachments.lastLook(namespace));
    policies.set(`${policy.kind}/${policy.name}`, policy);
    this.#attachments.policyChanged(namespace, policy, current);
  }

  #pendingOf(namespace: string): Pending {
    if (this.#pending.size === 0) this.#soon(() => this.#flush());
    const known = this.#pending.get(namespace);
    if (known) return known;
    const pending: Pending = { before: new Before(), agents: new Set(), policies: new Map() };
    this.#pending.set(namespace, pending);
    return pending;
  }

  #flush(): void {
    const all = [...this.#pending];
    this.#pending.clear();
    for (const [namespace, { before, agents, policies }] of all) {
      this.#onChange({
        namespace,
        attachments: [before, this.#attachments.of(namespace)],
        agents: [...agents],
        policies: [...policies.values()],
      });
    }
  }
}

/** What agents and policies were attached to before a change: all that may be asked of those that changed. */
class Before implements LastLook {
  readonly #policies = new Map<string, ReadonlySet<string>>();
  readonly #targets = new Map<string, ReadonlySet<string>>();

  policiesOf(kind: PolicyKind, agent: string): string[] {
    return [...(this.#policies.get(`${kind}/${agent}`) ?? [])];
  }

  targetsOf(kind: PolicyKind, name: string): string[] {
    return [...(this.#targets.get(`${kind}/${name}`) ?? [])];
  }

  keepAgent(name: string, look: LastLook | undefined): void {
    for (const kind of KINDS) {
      add(this.#policies, `${kind}/${name}`, look?.policiesOf(kind, name));
    }
  }

  keepPolicy({ kind, name }: PolicyRef, look: LastLook | undefined): void {
    const targets = look?.targetsOf(kind, name) ?? [];
    add(this.#targets, `${kind}/${name}`, targets);
    for (const agent of targets) this.keepAgent(agent, look);
  }
}

/** A look between two changes of a batch may have found more. */
function add(
  map: Map<string, ReadonlySet<string>>,
  key: string,
  names: readonly string[] = [],
): void {
  if (names.length > 0) map.set(key, new Set([...(map.get(key) ?? []), ...names]));
}
