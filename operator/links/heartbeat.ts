import type { Clock } from '../kube/clock.ts';

export interface HeartbeatOptions {
  intervalMs: number;
  /** Time without any message after which the peer counts as gone. */
  silenceMs: number;
}

/**
 * Pings a peer and detects that it no longer answers, as on a half-open connection. A silence counts only if pings were
 * sent during it. So a stall of this process is not taken for a stall of all peers.
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

  /** @param firstMs until the first ping. Links that opened together should have different values. */
  start(firstMs: number): void {
    this.#heardAt = this.#clock.monotonic();
    this.#cancel = this.#clock.after(firstMs, () => this.#beat());
  }

  /** Must be called for everything that the peer sends. */
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
    const next = left > 0 ? Math.min(intervalMs, left) : intervalMs;
    this.#cancel = this.#clock.after(next, () => this.#beat());
    // It may call `stop`.
    this.#ping();
  }
}
