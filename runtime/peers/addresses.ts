import type { Clock } from '../guard/clock.ts';
import { canonical } from '../conversations/stores/conversationId.ts';

export interface AddressesDeps {
  clock: Clock;
  /** Name in DNS with the addresses of all pods of the agent; undefined without other pods. */
  service: () => string | undefined;
  /** Resolves a name; rejects as Node's dns does. */
  resolve: (name: string) => Promise<string[]>;
}

/** Time that DNS may lag behind a pod that has just started, in milliseconds. */
const LAG_MS = 6000;
/** Interval between two look-ups in that time. */
const POLL_MS = 250;
/** Time for which a look-up is valid. */
const KNOWN_MS = 5000;

/**
 * Addresses of the agent's pods. Anybody can make up an id of a conversation, so the runtime connects only to addresses
 * that the agent's own headless Service lists.
 */
export class Addresses {
  readonly #deps: AddressesDeps;
  /** When DNS last listed each. */
  readonly #seen = new Map<string, number>();
  /** One look-up serves all waiting requests, so that made-up ids do not flood DNS. */
  #looking: Promise<void> | undefined;

  constructor(deps: AddressesDeps) {
    this.#deps = deps;
  }

  /** Whether a pod of the agent has the address, or had it at the last look-up; waits for a new one. */
  async has(address: string, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#deps;
    const end = clock.now() + LAG_MS;
    while (!this.#isKnown(address)) {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
      if (this.#seen.has(address)) return true;
      if (clock.now() >= end || signal.aborted) return false;
      await new Promise<void>((resolve) => {
        clock.setTimer(POLL_MS, resolve);
      });
    }
    return true;
  }

  /** Forgets that a pod has the address. */
  forget(address: string): void {
    this.#seen.delete(address);
  }

  #isKnown(address: string): boolean {
    const at = this.#seen.get(address);
    return at !== undefined && this.#deps.clock.now() - at < KNOWN_MS;
  }

  async #look(): Promise<void> {
    const name = this.#deps.service();
    if (name === undefined) return;
    try {
      const addresses = await this.#deps.resolve(name);
      this.#seen.clear();
      for (const each of addresses) this.#seen.set(canonical(each), this.#deps.clock.now());
    } catch (error) {
      // A failed look-up says nothing about the pods; an unknown name says that there are none.
      if ((error as NodeJS.ErrnoException).code === 'ENOTFOUND') this.#seen.clear();
    }
  }
}
