/** Called with the key of an agent that was reconciled, or one of whose pods changed or reported. */
export type AgentListener = (agentKey: string) => void;

/** Notifies parts that keep something derived of an agent, so that they derive it anew. */
export class AgentNotifier {
  readonly #listeners = new Set<AgentListener>();

  notify(agentKey: string): void {
    for (const listener of this.#listeners) listener(agentKey);
  }

  /** @returns ends the subscription */
  subscribe(listener: AgentListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
