/** Hears that a pod of an agent came, went, changed or reported, or that the agent was reconciled. */
export type NewsListener = (agentKey: string) => void;

/** Passes news of agents on to who keeps what it has made of them. */
export class AgentNews {
  readonly #listeners = new Set<NewsListener>();

  tell(agentKey: string): void {
    for (const listener of this.#listeners) listener(agentKey);
  }

  /** Calls the listener with each agent that there is news of; returns how to stop that. */
  onNews(listener: NewsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
