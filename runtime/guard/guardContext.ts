import { Jitter } from '../resilience/jitter.ts';
import { Alarm } from './alarm.ts';
import { CircuitRoom } from './circuitRoom.ts';
import { FleetMember } from './fleetMember.ts';
import type { FleetLimit } from './fleetMember.ts';
import { ProviderFleet } from './providerFleet.ts';
import type { ProviderParts } from './providerFleet.ts';
import { StoredLimits } from './limitStore.ts';
import type { LimitStore, StoreParts } from './limitStore.ts';
import { WallTime } from './wallTime.ts';
import type { GateSpec } from '../resilience/gates.ts';
import type { Clock } from './clock.ts';
import type { GuardListener } from './guardListener.ts';
import type { Leader } from './leader.ts';

/** The guard, as its context uses it. */
export interface GuardParts extends ProviderParts, StoreParts {
  /** A time given to `arm` has come. */
  advance(): void;
  /** The limits in force that the leader of the fleet grants. */
  fleetLimits(): readonly FleetLimit[];
}

export interface GuardContextDeps {
  clock: Clock;
  leader: Leader;
  store: LimitStore;
  listener: GuardListener;
  /** Without a seed nothing is spread. */
  seed: string | undefined;
}

/** What all parts of one guard share: its clock, its one timer, its bound on circuits and its count of faults. */
export class GuardContext {
  /** How long gates and pauses last at most, in milliseconds; from the configuration in force. */
  gates: GateSpec = { maxProviderWaitMs: Infinity };
  /** Permits that were settled more than once. */
  settledTwice = 0;
  readonly wallTime: WallTime;
  readonly room = new CircuitRoom();
  readonly listener: GuardListener;
  readonly fleet: FleetMember;
  readonly providers: ProviderFleet;
  readonly store: StoredLimits;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #seed: string | undefined;
  #closed = false;

  constructor({ clock, leader, store, listener, seed }: GuardContextDeps, parts: GuardParts) {
    this.#clock = clock;
    this.#seed = seed;
    this.listener = listener;
    this.wallTime = new WallTime(clock);
    this.#alarm = new Alarm(clock, () => parts.advance());
    this.fleet = new FleetMember(clock, leader, () => parts.fleetLimits());
    this.providers = new ProviderFleet(clock, leader, parts);
    this.store = new StoredLimits(clock, store, parts);
  }

  /** Whole milliseconds on the monotonic clock. */
  now(): number {
    return Math.floor(this.#clock.now());
  }

  date(): Date {
    return this.#clock.date();
  }

  /** The jitter of one circuit or dependency in this process. */
  jitter(name: string): Jitter {
    return new Jitter(this.#seed === undefined ? undefined : `${this.#seed}/${name}`);
  }

  /** Asks for the alarm at `at`; Infinity asks for none. */
  arm(at: number): void {
    if (at < Infinity && !this.#closed) this.#alarm.set(at);
  }

  /** Stops the timer. */
  close(): void {
    this.#closed = true;
    this.fleet.close();
    this.providers.close();
    this.store.close();
    this.#alarm.clear();
  }
}
