import { backoff } from './backoff.ts';

interface Counts {
  /** Consecutive failures. */
  failures: number;
  /** Those that the server answered. */
  refusals: number;
  /** Consecutive watches that brought nothing. A list between them does not end the count. */
  fruitless: number;
}

export type ReflectorState = Counts &
  (
    | { phase: 'listing' }
    | { phase: 'watching'; resourceVersion: string; timeoutSeconds: number }
    | {
        phase: 'backoff';
        delayMs: number;
        /** Version from which to watch again; absent: list again. */
        resourceVersion?: string;
      }
  );

/**
 * Why a list or a watch failed. `expired`: the resource version is too old. `throttled`: 429. `refused`: another answer
 * that is no list and no event. `connection`: no answer, or an incomplete one. `short`: the watch ended at once.
 */
export interface ReflectorFailure {
  kind: 'expired' | 'throttled' | 'refused' | 'connection' | 'short';
  retryAfterMs?: number;
}

export type ReflectorInput =
  | { type: 'listed'; resourceVersion: string }
  /** A page of a list came. */
  | { type: 'page' }
  /** An event or a bookmark came. */
  | { type: 'progress'; resourceVersion: string }
  /** The server ended the watch in order, as it does after timeoutSeconds. */
  | { type: 'ended'; lastedMs: number }
  | { type: 'failed'; failure: ReflectorFailure }
  | { type: 'waited' };

const NO_FAILURES: Counts = { failures: 0, refusals: 0, fruitless: 0 };

export const INITIAL_STATE: ReflectorState = { phase: 'listing', ...NO_FAILURES };

const DELAY = { baseMs: 200, maxMs: 30_000 };
/** A proxy may ask for an hour, and a date in Retry-After is by a clock that is not ours: the cache would be stale for as long. */
const MAX_ASKED_MS = 120_000;
const SHORT_WATCH_MS = 1_000;
/** After so many refusals the reflector lists again: the server may be unable to serve its resource version. */
const REFUSALS_BEFORE_LIST = 3;
/** After so many watches that ended at once, lists take their place, as behind a proxy that lets no watch through. */
const FRUITLESS_BEFORE_LIST = 3;

/**
 * The reflector's next state, after client-go's reflector. `random` is uniform in [0, 1).
 * @throws Error for an input that is impossible in the state
 */
export function nextState(
  state: ReflectorState,
  input: ReflectorInput,
  random: () => number,
): ReflectorState {
  switch (input.type) {
    case 'listed':
      return watching(input.resourceVersion, state, random);
    case 'page':
      if (state.phase !== 'listing') break;
      return { ...state, failures: 0, refusals: 0 };
    case 'progress':
      if (state.phase !== 'watching') break;
      return { ...state, ...NO_FAILURES, resourceVersion: input.resourceVersion };
    case 'ended':
      if (state.phase !== 'watching') break;
      return ended(state, input.lastedMs, random);
    case 'failed':
      return failed(state, input.failure, random);
    case 'waited':
      return resumed(state, random);
  }
  throw new Error(`A reflector that is ${state.phase} cannot get ${input.type}`);
}

/** A random timeout keeps the watches of many clients from ending and reopening together. */
function watching(
  resourceVersion: string,
  { failures, refusals, fruitless }: Counts,
  random: () => number,
): ReflectorState {
  const timeoutSeconds = 300 + Math.floor(random() * 301);
  return { phase: 'watching', resourceVersion, timeoutSeconds, failures, refusals, fruitless };
}

/** A watch that ends at once counts as a failure. Otherwise the reflector would reopen it in a tight loop. */
function ended(
  state: ReflectorState & { phase: 'watching' },
  lastedMs: number,
  random: () => number,
): ReflectorState {
  if (lastedMs < SHORT_WATCH_MS) return failed(state, { kind: 'short' }, random);
  return watching(state.resourceVersion, NO_FAILURES, random);
}

function failed(
  state: ReflectorState,
  { kind, retryAfterMs = 0 }: ReflectorFailure,
  random: () => number,
): ReflectorState {
  const failures = state.failures + 1;
  const refusals = state.refusals + (kind === 'refused' ? 1 : 0);
  const fruitless = state.fruitless + (state.phase === 'watching' ? 1 : 0);
  const repeated = Math.max(failures, fruitless);
  const ceiling = backoff(repeated - 1, DELAY);
  const delayMs = Math.max(Math.min(retryAfterMs, MAX_ASKED_MS), ceiling * (0.5 + random() / 2));
  const held = state.phase === 'watching' ? state.resourceVersion : undefined;
  const lists =
    kind === 'expired' ||
    refusals >= REFUSALS_BEFORE_LIST ||
    (kind === 'short' && fruitless >= FRUITLESS_BEFORE_LIST);
  if (lists || held === undefined) {
    return { phase: 'backoff', delayMs, failures, refusals: 0, fruitless };
  }
  return { phase: 'backoff', delayMs, resourceVersion: held, failures, refusals, fruitless };
}

function resumed(state: ReflectorState, random: () => number): ReflectorState {
  const { failures, refusals, fruitless } = state;
  if (state.phase !== 'backoff' || state.resourceVersion === undefined) {
    return { phase: 'listing', failures, refusals, fruitless };
  }
  return watching(state.resourceVersion, state, random);
}
