import type { Circuit, CircuitStatus, FailureRate } from '../../../contract/generated/types.ts';

export type FleetReport = NonNullable<CircuitStatus['fleet']>;
/** A circuit of scope Fleet. */
export type FleetSpec = Circuit & { fleet: NonNullable<Circuit['fleet']> };

/** A circuit in one pod. */
export interface PodCircuit {
  report: FleetReport;
  /** Whether the pod has opened it without an order. */
  ownOpen: boolean;
}

export interface Votes {
  /** Pods that had calls. */
  active: number;
  /** Pods among them that see failures, or slow calls. */
  failing: number;
  /** Why the fleet's circuit opens; absent if it does not. */
  reason?: string;
}

/** Consecutive failures after which a pod votes, unless the rule needs fewer. */
const IN_A_ROW = 2;
/** At least two, so that the bad network of one pod never opens the circuit of all. */
const FEWEST_PODS = 2;

/** The result of one rule. */
interface Tally {
  failing: number;
  /** Whether the sum over the pods meets the rule. */
  met: boolean;
  text: string;
}

/** Counts votes. The circuit opens if the sums over all pods meet a rule and a quorum of pods votes. */
export function countVotes(
  spec: FleetSpec,
  circuits: readonly PodCircuit[],
  fewest = FEWEST_PODS,
): Votes {
  const active = circuits.filter(({ report, ownOpen }) => report.active || ownOpen);
  const tallies = talliesOf(spec, active);
  const needed = quorum(spec, active.length, fewest);
  const trips = tallies.find(({ met, failing }) => met && failing >= needed);
  return {
    active: active.length,
    failing: Math.max(0, ...tallies.map(({ failing }) => failing)),
    ...(trips && { reason: `${trips.text} in ${trips.failing} of ${active.length} pods` }),
  };
}

/** How many of `pods` must vote. */
export function quorum({ fleet }: FleetSpec, pods: number, fewest = FEWEST_PODS): number {
  return Math.max(fewest, Math.ceil((fleet.quorumPercent * pods) / 100));
}

function talliesOf({ trip }: FleetSpec, active: readonly PodCircuit[]): Tally[] {
  const { consecutiveFailures, failureRate, slowCalls } = trip;
  const tallies: Tally[] = [];
  if (consecutiveFailures !== undefined) tallies.push(inARow(consecutiveFailures, active));
  if (failureRate) {
    const share = shareOf(failureRate, active, ({ calls, failed: hits }) => ({ calls, hits }));
    tallies.push({ ...share, text: `${share.text} failed` });
  }
  if (slowCalls) {
    const share = shareOf(slowCalls, active, ({ timed: calls, slow: hits }) => ({ calls, hits }));
    tallies.push({ ...share, text: `${share.text} slower than ${slowCalls.slowerThanMs / 1000}s` });
  }
  return tallies;
}

/** Sums consecutive failures over all pods: with five needed, three pods with two each suffice. */
function inARow(needed: number, active: readonly PodCircuit[]): Tally {
  const sum = total(active, ({ failuresInARow }) => failuresInARow);
  const least = Math.min(IN_A_ROW, needed);
  const votes = ({ report, ownOpen }: PodCircuit): boolean =>
    ownOpen || report.failuresInARow >= least;
  return {
    failing: active.filter(votes).length,
    met: sum >= needed,
    text: `${sum} consecutive failures`,
  };
}

function shareOf(
  { percent, minimumCalls, windowMs }: FailureRate,
  active: readonly PodCircuit[],
  countsOf: (report: FleetReport) => { calls: number; hits: number },
): Tally {
  const calls = total(active, (report) => countsOf(report).calls);
  const hits = total(active, (report) => countsOf(report).hits);
  const exceeds = (of: { calls: number; hits: number }): boolean =>
    of.hits > 0 && of.hits * 100 >= percent * of.calls;
  const votes = ({ report, ownOpen }: PodCircuit): boolean => ownOpen || exceeds(countsOf(report));
  const within = windowMs === undefined ? '' : ` in ${windowMs / 1000}s`;
  return {
    failing: active.filter(votes).length,
    met: calls >= minimumCalls && exceeds({ calls, hits }),
    text: `${calls === 0 ? 0 : Math.floor((100 * hits) / calls)}% of ${calls} calls${within}`,
  };
}

function total(active: readonly PodCircuit[], of: (report: FleetReport) => number): number {
  return active.reduce((sum, { report }) => sum + of(report), 0);
}
