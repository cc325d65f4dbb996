import type { Clock } from '../kube/clock.ts';

export interface HeartbeatOptions {
  intervalMs: number;
  /** Silence after which the peer counts as gone. */
  silenceMs: number;
}

/**
 * Pings a peer and notices when it no longer answers, as with a half-open connection. A silence
 * counts only when pings were sent in it, so that a stall of this process is not taken for one of
 * all peers.
 */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #options: HeartbeatOptions;
  readonly #ping: () => void;
  readonly #onSilence: () => void;
  #heardAt: number;
  #unanswered = 0;
  #cancel: (() => void) | undefined;

  constructor(
    clock: Clock,
    options: HeartbeatOptions,
    actions: { ping: () => void; onSilence: () => void },
  ) {
    this.#clock = clock;
    this.#options = options;
    this.#ping = actions.ping;
    this.#onSilence = actions.onSilence;
    this.#heardAt = clock.monotonic();
  }

  /** @param firstMs until the first ping, so that links which opened together do not ping together */
  start(firstMs: number): void {
    this.#heardAt = this.#clock.monotonic();
    this.#cancel = this.#clock.after(firstMs, () => this.#beat());
  }

  /** To be called for whatever the peer sends. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
    this.#unanswered = 0;
  }

  stop(): void {
    this.#cancel?.();
  }

  #beat(): void {
    const { intervalMs, silenceMs } = this.#options;
    const left = silenceMs - (this.#clock.monotonic() - this.#heardAt);
    if (left <= 0 && this.#unanswered >= 2) return this.#onSilence();
    this.#unanswered += 1;
    this.#ping();
    const next = left > 0 ? Math.min(intervalMs, left) : intervalMs;
    this.#cancel = this.#clock.after(next, () => this.#beat());
  }
}
