import type { Clock } from '../../guard/clock.ts';
import type { Credentials } from '../provider/credentials.ts';
import type { Exchange, Grant } from './exchange.ts';
import { IdentityProblem } from './problem.ts';

export interface IdentityDeps {
  exchange: Exchange;
  clock: Clock;
  /** From 0 up to but not 1. */
  random: () => number;
  /** An exchange has ended. */
  onRefresh: (end: Refresh) => void;
}

/** How an exchange ended. `problem`: why it failed, for people. */
export type Refresh =
  | { result: 'Renewed'; lifetimeMs: number; aheadMs: number }
  | { result: 'Failed'; problem: string };

interface Held extends Grant {
  /** Until when calls use the credentials, on the clock that never goes back. */
  until: number;
}

/** Longest exchange, in milliseconds. */
export const IDENTITY_EXCHANGE_MS = 10_000;
/** A refresh begins at this share of the lifetime, less jitter. */
export const IDENTITY_REFRESH_AT = 0.8;
/** Largest share of the lifetime by which a refresh comes earlier, so that pods do not ask at once. */
const JITTER = 0.1;
/** Calls stop using credentials this long before they expire, in milliseconds. */
export const IDENTITY_MARGIN_MS = 5000;
/** Waits after failed exchanges, in milliseconds: doubled each time. */
const FIRST_WAIT_MS = 1000;
export const IDENTITY_LONGEST_WAIT_MS = 60_000;
/** Least time between two refreshes because of refused credentials, in milliseconds. */
export const IDENTITY_REFUSAL_MS = 60_000;

/**
 * The credentials of one identity. One exchange runs at a time; valid credentials outlive failed ones. The first one
 * begins at once.
 */
export class Identity {
  readonly #deps: IdentityDeps;
  readonly #closed = new AbortController();
  #held: Held | undefined;
  #problem: string | undefined;
  /** The exchange under way. */
  #running: Promise<void> | undefined;
  #failures = 0;
  #cancelTimer: () => void = () => undefined;
  /** When a refresh began because credentials were refused. */
  #refusedAt = -Infinity;

  constructor(deps: IdentityDeps) {
    this.#deps = deps;
    this.#refresh();
  }

  /** Credentials that the cloud accepts; undefined if there are none. */
  get credentials(): Credentials | undefined {
    const { clock } = this.#deps;
    return this.#held && clock.now() < this.#held.until ? this.#held.credentials : undefined;
  }

  /** How far the clock of the cloud is ahead of ours, in milliseconds. */
  get aheadMs(): number {
    return this.#held?.aheadMs ?? 0;
  }

  /** Why the last exchange failed; undefined if it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The exchange that calls must wait for: no credentials are valid, or they were refused. It never rejects. */
  get awaited(): Promise<void> | undefined {
    const { clock } = this.#deps;
    const refused = clock.now() - this.#refusedAt < IDENTITY_EXCHANGE_MS;
    return this.credentials === undefined || refused ? this.#running : undefined;
  }

  /**
   * An endpoint has refused these credentials. Begins a refresh unless one has just shown that new ones do not help.
   * Returns whether another call may use other credentials.
   */
  refused(credentials: Credentials): boolean {
    if (this.#held === undefined || credentials !== this.#held.credentials) return true;
    const now = this.#deps.clock.now();
    if (now - this.#refusedAt < IDENTITY_REFUSAL_MS) return this.#running !== undefined;
    this.#refusedAt = now;
    this.#refresh();
    return true;
  }

  close(): void {
    this.#cancelTimer();
    this.#closed.abort(new IdentityProblem('The identity is no longer used.'));
  }

  /** Begins an exchange unless one runs. */
  #refresh(): void {
    if (this.#running !== undefined || this.#closed.signal.aborted) return;
    this.#cancelTimer();
    this.#running = this.#exchange().finally(() => (this.#running = undefined));
  }

  async #exchange(): Promise<void> {
    const { exchange, clock, onRefresh } = this.#deps;
    const { signal, stop } = this.#timed();
    let end: Refresh;
    try {
      const grant = await exchange(signal);
      if (grant.lifetimeMs <= IDENTITY_MARGIN_MS) throw new IdentityProblem(EXPIRED);
      this.#held = { ...grant, until: clock.now() + grant.lifetimeMs - IDENTITY_MARGIN_MS };
      this.#problem = undefined;
      this.#failures = 0;
      end = { result: 'Renewed', lifetimeMs: grant.lifetimeMs, aheadMs: grant.aheadMs };
    } catch (error) {
      this.#failures += 1;
      this.#problem = error instanceof IdentityProblem ? error.message : UNEXPECTED;
      end = { result: 'Failed', problem: this.#problem };
    } finally {
      stop();
    }
    if (this.#closed.signal.aborted) return;
    this.#cancelTimer = clock.setTimer(this.#wait(end), () => this.#refresh());
    onRefresh(end);
  }

  /** A signal that ends with the identity, or after the longest time. */
  #timed(): { signal: AbortSignal; stop: () => void } {
    const late = new AbortController();
    const cancel = this.#deps.clock.setTimer(IDENTITY_EXCHANGE_MS, () => {
      late.abort(new IdentityProblem(LATE));
    });
    return { signal: AbortSignal.any([late.signal, this.#closed.signal]), stop: cancel };
  }

  /** Time until the next exchange, in milliseconds. */
  #wait(end: Refresh): number {
    const { random } = this.#deps;
    if (end.result === 'Renewed') {
      return Math.min(end.lifetimeMs, MAX_LIFETIME_MS) * (IDENTITY_REFRESH_AT - JITTER * random());
    }
    const wait = Math.min(IDENTITY_LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    return wait * (1 - random() / 2);
  }
}

/** Credentials that claim to be valid for longer are refreshed as if they were not, in milliseconds. */
const MAX_LIFETIME_MS = 24 * 60 * 60 * 1000;

const EXPIRED = 'The cloud gives credentials that have expired. Set the clock of the node right.';
const UNEXPECTED = 'The exchange failed for a reason that Breakwater does not know.';
const LATE = `The exchange took longer than ${IDENTITY_EXCHANGE_MS / 1000} s. Check spec.proxy, and whether network policies and firewalls let the agent's pods connect to the cloud.`;
