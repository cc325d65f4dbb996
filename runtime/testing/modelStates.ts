import { chanceFactor } from './chance.ts';
import type { Outcome } from '../resilience/outcome.ts';

interface Rules {
  openMs: number;
  /** Number of failures in a row that opens a circuit. */
  trip: number;
}

interface State {
  endpoint: string;
  /** Undefined for the state that models share. */
  model: string | undefined;
  circuit: 'Closed' | 'HalfOpen' | 'Open';
  row: number;
  /** Which votes before the row failed. */
  past: boolean[];
  openedAt: number;
  closedAt: number;
  /** Number of failed probes since the circuit opened. */
  grown: number;
  probing: boolean;
  /** Changes with each transition. */
  era: number;
  calls: number;
  succeeded: boolean;
  usedAt: number;
}

type Vote = 'ok' | 'bad' | 'none';

function voteOf(outcome: Outcome): Vote {
  if (outcome.vote === 'ok') return 'ok';
  return outcome.vote === 'failure' && outcome.class !== 'RateLimited' ? 'bad' : 'none';
}

/** A call in flight. */
export interface ReferenceCall {
  state: State;
  era: number;
}

/**
 * A naive reference for state by model, which searches lists. Its circuits have one probe, which closes them, and open
 * durations that do not grow.
 */
export class ReferencePod {
  readonly #room: number;
  readonly #rules: Rules;
  #states: State[] = [];

  constructor(room: number, rules: Rules) {
    this.#room = room;
    this.#rules = rules;
    for (const endpoint of ['e0', 'e1']) this.#create(endpoint, undefined);
  }

  begin(endpoint: string, model: string, now: number): ReferenceCall | undefined {
    const state =
      this.#find(endpoint, model) ??
      this.#add(endpoint, model, now) ??
      this.#find(endpoint, undefined) ??
      this.#create(endpoint, undefined);
    state.usedAt = now;
    this.#wake(state, now);
    if (state.circuit === 'Open' || (state.circuit === 'HalfOpen' && state.probing)) {
      return undefined;
    }
    state.probing = state.circuit === 'HalfOpen';
    state.calls += 1;
    return { state, era: state.era };
  }

  end({ state, era }: ReferenceCall, outcome: Outcome, now: number): void {
    state.calls -= 1;
    this.#wake(state, now);
    const vote = voteOf(outcome);
    if (state.era === era) this.#vote(state, vote, now);
    if (vote === 'ok') state.succeeded = true;
  }

  /** Endpoint, model and state of each circuit. */
  circuits(now: number): string[] {
    this.#tidy(now);
    for (const state of this.#states) this.#wake(state, now);
    return this.#states.map(
      ({ endpoint, model = '', circuit }) => `${endpoint} ${model} ${circuit}`,
    );
  }

  #vote(state: State, vote: Vote, now: number): void {
    if (state.circuit === 'HalfOpen') {
      state.probing = false;
      if (vote === 'ok') {
        this.#enter(state, 'Closed');
        state.closedAt = now;
        state.past = Array.from({ length: state.row }, () => true);
        state.row = 0;
      } else if (vote === 'bad') this.#open(state, state.grown + 1, now);
    } else if (vote === 'ok') {
      state.past.push(...Array.from({ length: state.row }, () => true), false);
      state.row = 0;
    } else if (vote === 'bad') {
      state.row += 1;
      const needed = this.#rules.trip * chanceFactor(state.past.slice(-64));
      if (state.row >= needed) this.#open(state, this.#growth(state, now), now);
    }
  }

  /** Gives a model a state of its own, in place of the one that is missed least if there are too many. */
  #add(endpoint: string, model: string, now: number): State | undefined {
    const own = this.#states.filter((each) => each.model !== undefined);
    if (own.length >= this.#room) {
      const never = own.filter(({ succeeded, calls }) => !succeeded && calls === 0);
      const candidates = never.length > 0 ? never : own.filter((each) => this.#isClean(each, now));
      const [victim] = candidates.toSorted((a, b) => a.usedAt - b.usedAt);
      if (victim === undefined) return undefined;
      this.#states = this.#states.filter((each) => each !== victim);
    }
    return this.#create(endpoint, model);
  }

  /** Drops unused shared states. Gives an endpoint without a state a new one. */
  #tidy(now: number): void {
    for (const endpoint of ['e0', 'e1']) {
      const all = this.#states.filter((each) => each.endpoint === endpoint);
      if (all.length === 0) this.#create(endpoint, undefined);
      if (all.length < 2) continue;
      this.#states = this.#states.filter(
        (each) =>
          each.endpoint !== endpoint || each.model !== undefined || !this.#isClean(each, now),
      );
    }
  }

  #isClean(state: State, now: number): boolean {
    const { circuit, row, calls } = state;
    return circuit === 'Closed' && row + calls + this.#growth(state, now) === 0;
  }

  #growth({ grown, closedAt }: State, now: number): number {
    return Math.max(0, grown - Math.floor((now - closedAt) / this.#rules.openMs));
  }

  #wake(state: State, now: number): void {
    const due = state.circuit === 'Open' && now >= state.openedAt + this.#rules.openMs;
    if (due) this.#enter(state, 'HalfOpen');
  }

  #open(state: State, grown: number, now: number): void {
    this.#enter(state, 'Open');
    state.grown = grown;
    state.openedAt = now;
  }

  #enter(state: State, circuit: State['circuit']): void {
    state.circuit = circuit;
    state.era += 1;
    state.probing = false;
  }

  #find(endpoint: string, model: string | undefined): State | undefined {
    return this.#states.find((each) => each.endpoint === endpoint && each.model === model);
  }

  #create(endpoint: string, model: string | undefined): State {
    const state: State = {
      ...{
        endpoint,
        model,
        circuit: 'Closed',
        row: 0,
        past: [],
        openedAt: 0,
        closedAt: 0,
        grown: 0,
      },
      ...{ probing: false, era: 0, calls: 0, succeeded: false, usedAt: 0 },
    };
    this.#states.push(state);
    return state;
  }
}
