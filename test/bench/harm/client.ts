/** A client that asks as the SDK for TypeScript does. */
import { STOP } from './provider.ts';
import type { Ask, Listener, Timeline } from './provider.ts';

/** Takes one attempt of a client. The result ends the attempt. */
export type Carrier = (ask: Ask, retries: number, listener: Listener) => () => void;

/** The SDK's defaults. */
const MAX_RETRIES = 2;
const TIMEOUT_MS = 600_000;
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 8000;
/** A longer retry-after is not followed. */
const MAX_RETRY_AFTER_MS = 60_000;
const RETRIED = new Set([408, 409, 429]);
/** Bytes of an answer that may hold the end of a stream. */
const TAIL = Buffer.from(STOP);

/** Asks until it is served or gives up. Calls `done` once. */
export class SdkClient {
  readonly #time: Timeline;
  readonly #carry: Carrier;
  readonly #random: () => number;
  readonly #timeoutMs: number;

  constructor(time: Timeline, carry: Carrier, random: () => number, timeoutMs = TIMEOUT_MS) {
    this.#time = time;
    this.#carry = carry;
    this.#random = random;
    this.#timeoutMs = timeoutMs;
  }

  ask(ask: Ask, done: (served: boolean) => void, retries = 0): void {
    let over = false;
    let status = 0;
    let waitMs: number | undefined;
    let retry: boolean | undefined;
    let complete = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      cancel();
      return true;
    };
    const again = (): void => {
      if (retries >= MAX_RETRIES) return done(false);
      const asked = waitMs !== undefined && waitMs < MAX_RETRY_AFTER_MS ? waitMs : undefined;
      this.#time.after(asked ?? this.#backOff(retries), () => this.ask(ask, done, retries + 1));
    };
    const cancel = this.#time.after(this.#timeoutMs, () => {
      if (status !== 0 && ask.stream) return;
      if (!end()) return;
      stop();
      again();
    });
    const stop = this.#carry(ask, retries, {
      head: (code, headers) => {
        status = code;
        const wait = valueOf(headers, 'retry-after');
        waitMs = wait === undefined ? undefined : Number(wait) * 1000;
        const told = valueOf(headers, 'x-should-retry');
        retry = told === undefined ? undefined : told === 'true';
      },
      data: (chunk) => {
        complete ||= !ask.stream || chunk.includes(TAIL);
      },
      end: () => {
        if (!end()) return;
        if (status === 200) return done(complete);
        if (retry ?? (status >= 500 || RETRIED.has(status))) again();
        else done(false);
      },
      failed: () => {
        if (!end()) return;
        // The SDK does not ask again for a stream that has begun.
        if (status === 200 && ask.stream) done(false);
        else again();
      },
    });
  }

  #backOff(retries: number): number {
    const wait = Math.min(FIRST_WAIT_MS * 2 ** retries, MAX_WAIT_MS);
    return wait * (1 - this.#random() * 0.25);
  }
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((each, index) => index % 2 === 0 && each.toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1];
}
