import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Policy, PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import type { Attachments, AttachmentLookup } from './attachments.ts';
import type { Change } from './changes.ts';

interface Pending {
  before: Before;
  agents: Set<string>;
  policies: Map<string, PolicyRef>;
}

const KINDS: readonly PolicyKind[] = ['CircuitBreakerPolicy', 'RateLimitPolicy'];

/**
 * Applies changes of agents and policies to the attachments. Changes of one turn of the event loop are reported
 * together, so that the affected objects are looked up once for all of them.
 */
export class ChangeBatch {
  readonly #attachments: Attachments;
  readonly #onChange: (change: Change) => void;
  readonly #defer: (call: () => void) => void;
  readonly #pending = new Map<string, Pending>();

  /** @param defer calls back after the current turn of the event loop */
  constructor(
    attachments: Attachments,
    onChange: (change: Change) => void,
    defer: (call: () => void) => void = setImmediate,
  ) {
    this.#attachments = attachments;
    this.#onChange = onChange;
    this.#defer = defer;
  }

  /** @param current undefined after its deletion */
  agentChanged(namespace: string, name: string, current: AgentDeployment | undefined): void {
    const { before, agents } = this.#pendingOf(namespace);
    before.addAgent(name, this.#attachments.lastLookup(namespace));
    agents.add(name);
    this.#attachments.agentChanged(namespace, name, current);
  }

  /** @param current undefined after its deletion */
  policyChanged(namespace: string, policy: PolicyRef, current: Policy | undefined): void {
    const { before, policies } = this.#pendingOf(namespace);
    before.addPolicy(policy, this.#attachments.lastLookup(namespace));
    policies.set(`${policy.kind}/${policy.name}`, policy);
    this.#attachments.policyChanged(namespace, policy, current);
  }

  #pendingOf(namespace: string): Pending {
    if (this.#pending.size === 0) this.#defer(() => this.#flush());
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

/** What the changed agents and policies were attached to before the batch. */
class Before implements AttachmentLookup {
  readonly #policies = new Map<string, ReadonlySet<string>>();
  readonly #targets = new Map<string, ReadonlySet<string>>();

  policiesOf(kind: PolicyKind, agent: string): string[] {
    return [...(this.#policies.get(`${kind}/${agent}`) ?? [])];
  }

  targetsOf(kind: PolicyKind, name: string): string[] {
    return [...(this.#targets.get(`${kind}/${name}`) ?? [])];
  }

  addAgent(name: string, lookup: AttachmentLookup | undefined): void {
    for (const kind of KINDS) {
      add(this.#policies, `${kind}/${name}`, lookup?.policiesOf(kind, name));
    }
  }

  addPolicy({ kind, name }: PolicyRef, lookup: AttachmentLookup | undefined): void {
    const targets = lookup?.targetsOf(kind, name) ?? [];
    add(this.#targets, `${kind}/${name}`, targets);
    for (const agent of targets) this.addAgent(agent, lookup);
  }
}

/** Adds, because the attachments may have been looked up between two changes of a batch. */
function add(
  map: Map<string, ReadonlySet<string>>,
  key: string,
  names: readonly string[] = [],
): void {
  if (names.length > 0) map.set(key, new Set([...(map.get(key) ?? []), ...names]));
}
