import { Jitter } from '../resilience/jitter.ts';
import { Alarm } from './alarm.ts';
import { CircuitRoom } from './circuitRoom.ts';
import { FleetMember } from './fleetMember.ts';
import { ProviderFleet } from './providerFleet.ts';
import { StoredLimits } from './limitStore.ts';
import { WallTime } from './wallTime.ts';
import type { GateSpec } from '../resilience/gates.ts';
import type { Clock } from './clock.ts';

/** What all parts of one guard share: its clock, its one timer, its bound on circuits and its count of faults. */
export class GuardContext {
  /** How long gates and pauses last at most, in milliseconds; from the configuration in force. */
  gates: GateSpec = { maxWaitMs: Infinity };
  /** Permits that were settled more than once. */
  settledTwice = 0;
  readonly wallTime: WallTime;
  readonly room = new CircuitRoom();
  readonly fleet: FleetMember;
  readonly providers: ProviderFleet;
  readonly store: StoredLimits;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #seed: string | undefined;
  #closed = false;

  /** Calls `onAlarm` when a time given to `arm` has come. Without a seed nothing is spread. */
  constructor(clock: Clock, onAlarm: () => void, seed?: string) {
    this.#clock = clock;
    this.#seed = seed;
    this.wallTime = new WallTime(clock);
    this.#alarm = new Alarm(clock, onAlarm);
    this.fleet = new FleetMember(clock);
    this.providers = new ProviderFleet(clock);
    this.store = new StoredLimits(clock);
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
