import { addAbortListener } from 'node:events';
import type { Logger } from 'pino';
import type { KubeClient } from './client.ts';
import { backoff } from './backoff.ts';
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
  /** Milliseconds between two requests. Default 30 s. */
  intervalMs?: number;
}

const INTERVAL_MS = 30_000;
const FIRST_RETRY_MS = 500;
/** Least time between two requests, however often `askSoon` is called. */
const MIN_INTERVAL_MS = 500;

/** Plurals of the served kinds. Forbidden: the operator may not ask. */
type Answer = ReadonlySet<string> | 'Forbidden';
type Listener = (answer: Answer) => void;

/**
 * Which kinds the API server serves under one group and version, such as kinds of a CRD that may be installed or not.
 * It polls the discovery API. Everybody may read that API, an answer is a few hundred bytes, and watching CRDs would
 * need a permission on the whole cluster.
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

  /** Calls the listener with the last answer, if there is one, and with each later one. */
  onAnswer(listener: Listener): void {
    this.#listeners.push(listener);
    if (this.#answer) listener(this.#answer);
  }

  /** Asks as soon as allowed: the caller noticed that a kind may have been installed or removed. */
  askSoon(): void {
    this.#asked = true;
    this.#wake?.abort();
  }

  /** Polls until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, intervalMs = INTERVAL_MS } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      this.#asked = false;
      failures = (await this.#ask(signal)) ? 0 : failures + 1;
      const bounds = { baseMs: FIRST_RETRY_MS, maxMs: intervalMs };
      const waitMs = failures === 0 ? intervalMs : backoff(failures - 1, bounds);
      await sleep(clock, MIN_INTERVAL_MS, signal);
      await this.#sleepUnlessAsked(waitMs * (0.75 + random() / 2) - MIN_INTERVAL_MS, signal);
    }
  }

  /** Sleeps until `askSoon` is called, at most for `ms`. */
  async #sleepUnlessAsked(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#asked || signal.aborted || ms <= 0) return;
    const wake = new AbortController();
    this.#wake = wake;
    using _ = addAbortListener(signal, () => wake.abort());
    await sleep(this.#options.clock, ms, wake.signal);
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    const { client, group, version, logger } = this.#options;
    try {
      this.#answered(await client.servedPlurals(group, version, { signal, retries: 0 }));
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      logger?.warn(
        { group, version, ...describeError(error) },
        'The API server did not say which kinds it serves; asked again later',
      );
      if (isForbidden(error)) this.#answered('Forbidden');
      return false;
    }
  }

  #answered(answer: Answer): void {
    this.#answer = answer;
    for (const listener of this.#listeners) listener(answer);
  }
}
