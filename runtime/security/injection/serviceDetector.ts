import type { Logger } from 'pino';
import { NOTHING_FOUND } from './detector.ts';
import type { InjectionDetector, InjectionSource, InjectionVerdict } from './detector.ts';

export interface ServiceSpec {
  url: string;
  timeoutMs: number;
  /** Allow: a text that the service does not answer for counts by the rules alone. Block: it counts as unchecked. */
  onFailure: 'Allow' | 'Block';
}

export interface ServiceDeps {
  fetch: typeof fetch;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  log: Pick<Logger, 'warn'>;
}

/** Characters of a text that the service gets. */
const MAX_TEXT = 64 * 1024;
/** Largest answer, in bytes. */
const MAX_ANSWER = 64 * 1024;
/** Failures in a row after which the service is left alone, and for how long. */
const MAX_FAILURES = 5;
const REST_MS = 10_000;
/** Questions at a time; further ones fail at once. */
const MAX_ASKED = 64;

const FOUND: InjectionVerdict = { score: 100, rules: ['detector'] };

/**
 * Asks a guardrail service: POST {"text", "source"}, answered by {"score": 0 to 100} or {"flagged": true or false}. Never
 * rejects.
 */
export class ServiceDetector implements InjectionDetector {
  readonly #spec: ServiceSpec;
  readonly #deps: ServiceDeps;
  #asked = 0;
  #failures = 0;
  #restsUntil = -Infinity;

  constructor(spec: ServiceSpec, deps: ServiceDeps) {
    this.#spec = spec;
    this.#deps = deps;
  }

  async examine(text: string, source: InjectionSource): Promise<InjectionVerdict> {
    const { now, log } = this.#deps;
    if (this.#asked >= MAX_ASKED || now() < this.#restsUntil) return this.#unanswered();
    this.#asked += 1;
    try {
      const verdict = await this.#ask(text.slice(0, MAX_TEXT), source);
      this.#failures = 0;
      return verdict;
    } catch (error) {
      this.#failures += 1;
      // Errors of fetch name the address and the cause, and no part of the text.
      const { message } = error as Error;
      if (this.#failures === 1)
        log.warn({ why: message }, 'The detector of prompt injections fails');
      if (this.#failures >= MAX_FAILURES) this.#restsUntil = now() + REST_MS;
      return this.#unanswered();
    } finally {
      this.#asked -= 1;
    }
  }

  #unanswered(): InjectionVerdict {
    return this.#spec.onFailure === 'Block' ? { ...NOTHING_FOUND, unchecked: true } : NOTHING_FOUND;
  }

  async #ask(text: string, source: InjectionSource): Promise<InjectionVerdict> {
    const { url, timeoutMs } = this.#spec;
    const response = await this.#deps.fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text, source }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    return verdictIn(await bounded(response));
  }
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > MAX_ANSWER) throw new Error(`the answer has more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function verdictIn(text: string): InjectionVerdict {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error('the answer is no JSON');
  }
  const { score, flagged } = (answer ?? {}) as { score?: unknown; flagged?: unknown };
  if (typeof score === 'number' && score >= 0 && score <= 100) {
    return score === 0 ? NOTHING_FOUND : { score: Math.round(score), rules: FOUND.rules };
  }
  if (typeof flagged === 'boolean') return flagged ? FOUND : NOTHING_FOUND;
  throw new Error('the answer has neither score, from 0 to 100, nor flagged');
}
