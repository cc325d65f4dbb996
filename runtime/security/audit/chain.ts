import { randomUUID } from 'node:crypto';
import { FIRST_HASH, chainHash } from '../../../contract/audit.ts';
import type { ChainHead } from '../../../contract/audit.ts';

interface Unsealed {
  metadata: Record<string, unknown>;
  /** Facts that OCSF has no place for. */
  unmapped?: unknown;
}

/** The hash chain of one process: each event's hash includes the hash of the event before. */
export class Chain {
  readonly #id = randomUUID();
  #before: ChainHead | undefined;
  #sequence = 0;
  #hash = FIRST_HASH;

  /** `before` is the head of the pod's process before, if known. */
  constructor(before?: ChainHead) {
    this.#before = before;
    if (before) this.#hash = before.hash;
  }

  /** Undefined before the first event. */
  get head(): ChainHead | undefined {
    if (this.#sequence === 0) return this.#before;
    return { chain: this.#id, sequence: this.#sequence, hash: this.#hash };
  }

  /** Adds the event to the chain and returns it as a line with its number and hashes. */
  seal(event: Unsealed): string {
    this.#sequence += 1;
    const unmapped = {
      ...(event.unmapped as object | undefined),
      chain: this.#id,
      ...(this.#sequence === 1 && this.#before && { continues: this.#before }),
    };
    event.metadata['sequence'] = this.#sequence;
    const previous = this.#hash;
    this.#hash = chainHash(previous, { ...event, unmapped });
    return JSON.stringify({
      ...event,
      unmapped: { ...unmapped, previous_hash: previous, hash: this.#hash },
    });
  }
}
