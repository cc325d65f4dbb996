import type { FailureClass } from '../resilience/outcome.ts';
import type { LimitStoreStats } from './limitStore.ts';
import type { CircuitStatus } from '../../contract/generated/types.ts';

type State = CircuitStatus['state'];

/** Counts of one circuit since it was created. */
export interface CircuitStats {
  dependency: string;
  state: State;
  /** Calls admitted or rejected. */
  requests: number;
  /** Calls that the circuit rejected; in shadow mode, calls that it would have. */
  rejected: number;
  /** Admitted and not yet settled. */
  inFlight: number;
  /** Failures of classes in failureOn; classes that did not occur are absent. */
  failures: Partial<Record<FailureClass, number>>;
  /** Transitions; pairs that did not occur are absent. */
  transitions: { from: State; to: State; count: number }[];
  /** Whether it follows the leader of the fleet now. Absent: it decides alone. */
  followsFleet?: boolean;
}

/** Counts of one limit since it was created. */
export interface LimitStats {
  target: string;
  policy: string;
  limit: string;
  /** What it limits, such as TotalTokens. */
  resource: string;
  /** Calls admitted or rejected. */
  requests: number;
  /** Calls that this limit rejected. */
  rejected: number;
  /** Level of the bucket now; with a key, that of the lowest bucket asked lately. */
  tokens: number;
  /** Of the bucket, or of each one. */
  capacity: number;
  /** Keys with a bucket of their own. */
  keys: number;
  /** Only of a limit of the fleet. */
  fleet?: {
    /** Blocks that the leader granted. */
    blocks: number;
    /** Time in which calls waited for an answer of the leader. */
    waitSeconds: number;
    /** Time without a leader in which the safe share was in use. */
    safeSeconds: number;
  };
}

/** Counts of one bulkhead. */
export interface BulkheadStats {
  /** inbound, or the dependency. */
  target: string;
  maxConcurrent: number;
  active: number;
  queued: number;
  /** Calls that it rejected since it was created. */
  rejected: number;
}

/** For metrics, at a scrape. */
export interface GuardStats {
  circuits: CircuitStats[];
  limits: LimitStats[];
  /** Targets with a bound. */
  bulkheads: BulkheadStats[];
  /** Counts of the store of buckets. Absent: no limit uses a store. */
  store?: LimitStoreStats;
  /** Number of permits settled more than once. That is a bug of the caller and has no effect. */
  settledTwice: number;
}

const SEVERITY: Record<State, number> = { Closed: 0, HalfOpen: 1, Open: 2 };

/** The sums over circuits of one dependency, and the worst of their states. Takes at least one. */
export function sumStats([first, ...rest]: readonly CircuitStats[]): CircuitStats {
  return rest.reduce(addStats, first!);
}

function addStats(a: CircuitStats, b: CircuitStats): CircuitStats {
  const failures = { ...a.failures };
  for (const [kind, count] of Object.entries(b.failures) as [FailureClass, number][]) {
    failures[kind] = (failures[kind] ?? 0) + count;
  }
  const transitions = a.transitions.map((each) => ({ ...each }));
  for (const each of b.transitions) {
    const known = transitions.find(({ from, to }) => from === each.from && to === each.to);
    if (known === undefined) transitions.push({ ...each });
    else known.count += each.count;
  }
  return {
    dependency: a.dependency,
    state: SEVERITY[b.state] > SEVERITY[a.state] ? b.state : a.state,
    requests: a.requests + b.requests,
    rejected: a.rejected + b.rejected,
    inFlight: a.inFlight + b.inFlight,
    failures,
    transitions,
    ...((a.followsFleet ?? b.followsFleet) === true && { followsFleet: true }),
  };
}
