import type { Content, Endpoint } from '../../contract/generated/types.ts';

/** What one configuration puts in force. Immutable: another configuration makes another one. */
export interface Snapshot {
  readonly content: Content;
  /** Endpoints that this runtime supports. */
  readonly endpoints: readonly Endpoint[];
}

/** The snapshot in force. A request takes it once, at its start. */
export class Current {
  #snapshot: Snapshot | undefined;

  /** Undefined before the first configuration. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  get content(): Content | undefined {
    return this.#snapshot?.content;
  }

  /**
   * The snapshot for the next call of a request that began under another one: it may have waited, or be a turn of many
   * calls. A snapshot without endpoints serves none.
   */
  forNextCall(before: Snapshot): Snapshot {
    return this.#snapshot?.endpoints[0] ? this.#snapshot : before;
  }

  replace(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }
}
