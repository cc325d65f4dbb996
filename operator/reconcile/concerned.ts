import type { Policy } from '../desired/attachment.ts';
import type { Attachments, NamespaceAttachment } from './attachments.ts';
import type { Queues } from './office.ts';

/** What changed in a namespace since its attachment was looked at. */
interface Changes {
  /** The attachment before the first of them; absent when nobody had asked for one. */
  before: NamespaceAttachment | undefined;
  agents: Set<string>;
  /** Policies by name, with their kind. */
  policies: Map<string, { kind: Policy['kind']; name: string }>;
}

export interface ConcernedOptions {
  attachments: Attachments;
  queues: Pick<Queues, 'agent' | 'agentStatus' | 'breakerStatus' | 'limitStatus'>;
  /** Calls back soon, after the changes that come in together. Default setImmediate. */
  soon?: (call: () => void) => void;
}

/**
 * Asks for a reconcile of those whom a change of an agent or a policy concerns: the agents that a policy is or
 * was for, and the policies that are or were for an agent. Changes that come in together are looked at together,
 * so that joining agents and policies anew costs the same for one change of a namespace as for all of them.
 */
export class Concerned {
  readonly #attachments: Attachments;
  readonly #queues: ConcernedOptions['queues'];
  readonly #soon: (call: () => void) => void;
  readonly #changed = new Map<string, Changes>();

  constructor({ attachments, queues, soon = setImmediate }: ConcernedOptions) {
    this.#attachments = attachments;
    this.#queues = queues;
    this.#soon = soon;
  }

  agentChanged(namespace: string, name: string): void {
    this.#changesOf(namespace).agents.add(name);
  }

  policyChanged(namespace: string, kind: Policy['kind'], name: string): void {
    this.#changesOf(namespace).policies.set(`${kind}/${name}`, { kind, name });
  }

  #changesOf(namespace: string): Changes {
    if (this.#changed.size === 0) this.#soon(() => this.#work());
    const before = this.#attachments.invalidate(namespace);
    let changes = this.#changed.get(namespace);
    if (!changes) {
      changes = { before, agents: new Set(), policies: new Map() };
      this.#changed.set(namespace, changes);
    }
    return changes;
  }

  #work(): void {
    const all = [...this.#changed];
    this.#changed.clear();
    for (const [namespace, changes] of all) this.#enqueue(namespace, changes);
  }

  #enqueue(namespace: string, { before, agents, policies }: Changes): void {
    const after = this.#attachments.of(namespace);
    const versions = before ? [before, after] : [after];
    const targets = new Set(
      [...policies.values()].flatMap(({ kind, name }) =>
        versions.flatMap((version) => version.targetsOf(kind, name)),
      ),
    );
    for (const agent of targets) {
      this.#queues.agent.add(`${namespace}/${agent}`);
      this.#queues.agentStatus.add(`${namespace}/${agent}`);
    }
    // A policy may have found or lost a target, or won or lost a slot by what another does.
    for (const agent of new Set([...agents, ...targets])) {
      for (const version of versions) {
        const { breakers, limits } = version.policiesOf(agent);
        for (const name of breakers) this.#queues.breakerStatus.add(`${namespace}/${name}`);
        for (const name of limits) this.#queues.limitStatus.add(`${namespace}/${name}`);
      }
    }
  }
}
