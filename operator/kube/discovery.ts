import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { sleep } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError, isForbidden } from './errors.ts';

export interface DiscoveryOptions {
  client: Pick<KubeClient, 'servedPlurals'>;
  group: string;
  version: string;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger?: Logger;
  /** Time between two questions. Default 30 s. */
  intervalMs?: number;
}

const INTERVAL_MS = 30_000;
const FIRST_RETRY_MS = 500;
/** Shortest time between two questions, however often somebody asks for one. */
const SHORTEST_MS = 500;

/** The kinds that are served, by their plurals; Forbidden if the API server does not say. */
type Answer = ReadonlySet<string> | 'Forbidden';
type Listener = (answer: Answer) => void;

/**
 * Which kinds the API server serves under one group and version, such as those of a CRD that may or may not be
 * installed. It asks the discovery API now and then: everybody may, while watching CRDs needs a permission on the
 * whole cluster, and an answer is a few hundred bytes.
 */
export class Discovery {
  readonly #options: DiscoveryOptions;
  readonly #listeners: Listener[] = [];
  #answer?: Answer;
  #wake?: AbortController;
  #asked = false;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Calls the listener after each answer, also with the last one if there is one. */
  onAnswer(listener: Listener): void {
    this.#listeners.push(listener);
    if (this.#answer) listener(this.#answer);
  }

  /** Asks soon, for somebody who has seen that something changed. */
  askSoon(): void {
    this.#asked = true;
    this.#wake?.abort();
  }

  /** Asks until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, intervalMs = INTERVAL_MS } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      this.#asked = false;
      failures = (await this.#ask(signal)) ? 0 : failures + 1;
      const retryMs = FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10);
      const waitMs = failures === 0 ? intervalMs : Math.min(intervalMs, retryMs);
      await sleep(clock, SHORTEST_MS, signal);
      await this.#rest(waitMs * (0.75 + random() / 2) - SHORTEST_MS, signal);
    }
  }

  /** Waits, or less when somebody asks. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#asked || signal.aborted || ms <= 0) return;
    const wake = new AbortController();
    const stop = (): void => wake.abort();
    this.#wake = wake;
    signal.addEventListener('abort', stop);
    await sleep(this.#options.clock, ms, wake.signal);
    signal.removeEventListener('abort', stop);
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    const { client, group, version, logger } = this.#options;
    try {
      this.#answered(await client.servedPlurals(group, version, { signal, retries: 0 }));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      logger?.warn({ group, version, ...describeError(error) }, 'Discovery failed');
      if (isForbidden(error)) this.#answered('Forbidden');
      return false;
    }
  }

  #answered(answer: Answer): void {
    this.#answer = answer;
    for (const listener of this.#listeners) listener(answer);
  }
}
