import type { PolicyRef } from '../desired/policies/attachment.ts';
import type { Attachments, NamespaceAttachment } from './attachments.ts';
import type { Change } from './changes.ts';

interface Pending {
  /** The attachments before the first change; absent if no reconcile had read them. */
  before: NamespaceAttachment | undefined;
  agents: Set<string>;
  policies: Map<string, PolicyRef>;
}

/**
 * Collects the changes of agents and policies that come in together, so that joining agents and policies anew costs
 * the same for one change of a namespace as for all of them.
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

  agentChanged(namespace: string, name: string): void {
    this.#pendingOf(namespace).agents.add(name);
  }

  policyChanged(namespace: string, policy: PolicyRef): void {
    this.#pendingOf(namespace).policies.set(`${policy.kind}/${policy.name}`, policy);
  }

  #pendingOf(namespace: string): Pending {
    if (this.#pending.size === 0) this.#soon(() => this.#flush());
    const before = this.#attachments.invalidate(namespace);
    const pending = this.#pending.get(namespace) ?? {
      before,
      agents: new Set(),
      policies: new Map<string, PolicyRef>(),
    };
    this.#pending.set(namespace, pending);
    return pending;
  }

  #flush(): void {
    const all = [...this.#pending];
    this.#pending.clear();
    for (const [namespace, { before, agents, policies }] of all) {
      const after = this.#attachments.of(namespace);
      const attachments = before ? [before, after] : [after];
      this.#onChange({
        namespace,
        attachments,
        agents: [...agents],
        policies: [...policies.values()],
      });
    }
  }
}
