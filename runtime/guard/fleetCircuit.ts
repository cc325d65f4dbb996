import type { CircuitStatus, FleetCircuitOrder } from '../../contract/generated/types.ts';
import type { Breaker } from '../resilience/breaker.ts';
import type { FleetOrder } from '../resilience/fleetOrder.ts';

export type FleetCircuitReport = NonNullable<CircuitStatus['fleet']>;

/** Without a window in the rules, a pod counts as one with calls for this long after its last call. */
const ACTIVE_MS = 60_000;
const SECOND_MS = 1000;

/** Connects a circuit to the fleet: reports its counts to the leader, and applies the leader's orders to its breaker. */
export class FleetCircuit {
  readonly #breaker: Breaker;
  #windowMs = ACTIVE_MS;
  #number: string | undefined;
  #prober: string | undefined;
  #closing = false;
  #openedAt = 0;
  #reopened = 0;
  #endedAt = -Infinity;
  /** The current second, and the calls that asked for admission in it and in the previous one. */
  #second = -1;
  #asked = 0;
  #askedBefore = 0;

  constructor(breaker: Breaker) {
    this.#breaker = breaker;
  }

  /** `windowMs` is the longest window of the policy's rules; undefined if none has one. */
  apply(windowMs: number | undefined): void {
    this.#windowMs = windowMs ?? ACTIVE_MS;
  }

  /** Counts a call that asks for admission. */
  ask(now: number): void {
    this.#turn(now);
    this.#asked += 1;
  }

  /** Notes the end of a call that voted. */
  ended(now: number): void {
    this.#endedAt = now;
  }

  /** Applies an order, whose times count from now. */
  follow(order: FleetCircuitOrder, now: number): void {
    this.#number = order.number;
    const { state, reason } = order;
    if (state === 'Closed') this.#breaker.release(reason, now);
    else {
      this.#prober = order.prober;
      this.#closing = order.closing === true;
      this.#openedAt = now - (order.openForMs ?? 0);
      this.#reopened = order.reopened ?? 0;
      this.#breaker.follow(this.#orderOf(order, state, now), now);
    }
  }

  report(now: number): FleetCircuitReport {
    this.#turn(now);
    const { calls, failed, timed, slow, failuresInARow } = this.#breaker.tally(now);
    const order = this.#breaker.orderAt(now);
    const probe = this.#breaker.fleetProbe();
    return {
      ...{ calls, failed, timed, slow, failuresInARow },
      active: now - this.#endedAt < this.#windowMs,
      asked: this.#askedBefore,
      ...(this.#number !== undefined && { number: this.#number }),
      ...(probe && { probe: { ...probe } }),
      ...(order && {
        order: {
          state: order.state,
          reason: order.reason,
          openForMs: now - this.#openedAt,
          reopened: this.#reopened,
          probeInMs: Math.max(0, order.retryAt - now),
          ...(this.#prober !== undefined && { prober: this.#prober }),
          ...(this.#closing && { closing: true }),
        },
      }),
    };
  }

  #orderOf(
    { reason, lifetimeMs = 0, probeInMs = 0, grant }: FleetCircuitOrder,
    state: FleetOrder['state'],
    now: number,
  ): FleetOrder {
    const order = { state, reason, until: now + lifetimeMs, retryAt: now + probeInMs };
    return grant === undefined ? order : { ...order, grant };
  }

  #turn(now: number): void {
    const second = Math.floor(now / SECOND_MS);
    if (second === this.#second) return;
    this.#askedBefore = second === this.#second + 1 ? this.#asked : 0;
    this.#asked = 0;
    this.#second = second;
  }
}
