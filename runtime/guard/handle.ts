import { REJECTED } from '../resilience/breaker.ts';
import { giveSlot, takeSlot } from '../resilience/bulkhead.ts';
import { CallPermit } from './callPermit.ts';
import { enterClosed } from './circuit.ts';
import { ASK, BY_SLOT, LIMIT, SLOTS, TAKES } from './dependencyRow.ts';
import { takeRequest } from './limiter.ts';
import type { Admission, AskedCall, Credential, Standing, Waiting } from './admission.ts';
import type { Callee, CalleeHandle } from './callPermit.ts';
import type { GuardContext } from './heldPermit.ts';
import type { Remaining } from './reservation.ts';
import type { Row } from '../resilience/rows.ts';

/** Where a dependency is found by its name. */
export interface Directory {
  /** As the configuration in force has it; undefined when it has none. */
  reach(name: string): HandleTarget | undefined;
  /** What is said of one that is not there. */
  unknown(name: string): Error;
}

/** The dependency that a handle leads to, for what the numbers alone do not decide. */
export interface HandleTarget extends Callee {
  readonly name: string;
  /** Where to look again when that may have changed. */
  readonly directory: Directory;
  /** Whether the configuration in force has it no more; it does not come back. */
  readonly gone: boolean;
  acquire(asked: AskedCall | undefined, now: number): Admission | Waiting;
  /** Takes what bounds a call that its circuit has let through. */
  bound(permit: CallPermit, now: number): Admission | Waiting;
  standing(credential: Credential | undefined, now: number): Standing;
  learn(told: readonly Remaining[], credential: string, now: number): void;
}

/**
 * A dependency that was looked up once. It stays good over reloads: what it leads to is always what
 * the name leads to, its state included, also when that was gone in between.
 *
 * It is small, and a call that is just let through and goes well touches it and the row of numbers
 * and nothing else of the dependency: with thousands of them the time of a call is the number of
 * places in memory that it touches, and most of all of those that are known only from the one before.
 */
export class Handle implements CalleeHandle {
  readonly cells: Float64Array;
  readonly at: number;
  /** Hash of the mounted credential that was used last; the dependency's to change. */
  mounted = '';
  readonly context: GuardContext;
  /** What it led to when it was handed out; gone for good when it is gone. */
  dependency!: HandleTarget;

  constructor(context: GuardContext, { cells, at }: Row) {
    this.cells = cells;
    this.at = at;
    this.context = context;
  }

  get name(): string {
    return this.dependency.name;
  }

  /** Whether the configuration in force has this dependency. */
  get present(): boolean {
    return this.reach() !== undefined;
  }

  /** Asks to call it. Waits only if `asked`. Throws when it is gone, as it does by name. */
  acquire(): Admission;
  acquire(asked: AskedCall | undefined): Admission | Waiting;
  acquire(asked?: AskedCall): Admission | Waiting {
    const { cells, at, context } = this;
    const now = context.now();
    if (cells[at + TAKES] === ASK || context.rolling || !this.knows(asked?.credential)) {
      return this.ask(asked, now);
    }
    const generation = enterClosed(cells, at);
    if (generation === REJECTED) return this.ask(asked, now);
    const permit = new CallPermit(asked, this, generation, now);
    return this.take(permit, now) ? permit : this.dependency.bound(permit, now);
  }

  /** How it would take a call, without asking it; undefined when it is gone. */
  standing(credential?: Credential): Standing | undefined {
    return this.reach()?.standing(credential, this.context.now());
  }

  /** What the provider says of its own limits on the credential that is mounted, by its hash. */
  learn(told: readonly Remaining[], credential: string): void {
    this.reach()?.learn(told, credential, this.context.now());
  }

  /** Whether there is nothing to be done for a credential: it is the mounted one, or none that is mounted. */
  private knows(credential: Credential | undefined): boolean {
    if (credential === undefined) return this.mounted === '';
    return !credential.mounted || credential.hash === this.mounted;
  }

  private ask(asked: AskedCall | undefined, now: number): Admission | Waiting {
    const found = this.reach();
    if (found === undefined) throw this.dependency.directory.unknown(this.name);
    return found.acquire(asked, now);
  }

  private reach(): HandleTarget | undefined {
    const { context, dependency } = this;
    return context.rolling || dependency.gone
      ? dependency.directory.reach(dependency.name)
      : dependency;
  }

  /** Takes what a call needs by numbers alone; false, and nothing is taken, where that is not possible. */
  private take(permit: CallPermit, now: number): boolean {
    const { cells, at } = this;
    if (!takeSlot(cells, at + SLOTS)) return false;
    if (cells[at + TAKES] === BY_SLOT) {
      permit.holds(undefined, 0);
      return true;
    }
    if (!takeRequest(cells, at + LIMIT, now)) {
      giveSlot(cells, at + SLOTS);
      return false;
    }
    permit.holds(cells, at + LIMIT);
    return true;
  }
}
