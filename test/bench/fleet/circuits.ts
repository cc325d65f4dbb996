/**
 * Plays an outage of 120 s to the real guards of 100 pods under the real decisions of a leader, in virtual time. Each
 * pod gets 5 requests/s. The leader is killed every 40 s.
 *
 * fleet_probes_per_open: the most failed probes of all pods within one openDuration.
 * fleet_probes_per_open_pod_scope: the same with scope Pod.
 * fleet_open_seconds: from the beginning of the outage until the circuits of all pods are open.
 * fleet_failed_calls: calls that failed in the outage, and the same with scope Pod.
 */
import { CircuitFleet, fleetCircuit } from '../../../operator/testing/circuitFleet.ts';

const PODS = 100;
const OPEN_MS = 30_000;
const OUTAGE_MS = 120_000;
const LEADER_MS = 40_000;

const POLICY = {
  openDurationMs: OPEN_MS,
  maxOpenDurationMs: OPEN_MS,
  fleet: { quorumPercent: 50 },
};

export interface CircuitFigures {
  fleet_probes_per_open: number;
  fleet_probes_per_open_pod_scope: number;
  fleet_open_seconds: number;
  fleet_failed_calls: number;
  fleet_failed_calls_pod_scope: number;
}

export function circuitFigures(): CircuitFigures {
  const { fleet: _, ...alone } = fleetCircuit(POLICY);
  const shared = outage(new CircuitFleet(PODS, fleetCircuit(POLICY)));
  const each = outage(new CircuitFleet(PODS, alone));
  return {
    fleet_probes_per_open: shared.probes,
    fleet_probes_per_open_pod_scope: each.probes,
    fleet_open_seconds: shared.openSeconds,
    fleet_failed_calls: shared.failedCalls,
    fleet_failed_calls_pod_scope: each.failedCalls,
  };
}

interface Outage {
  probes: number;
  openSeconds: number;
  failedCalls: number;
}

function outage(fleet: CircuitFleet): Outage {
  fleet.run(5000);
  const from = fleet.clock.now();
  fleet.providerIsUp = false;
  let openAt = Infinity;
  while (fleet.clock.now() < from + OUTAGE_MS) {
    fleet.run(100);
    if (openAt === Infinity && fleet.states().every((state) => state === 'Open')) {
      openAt = fleet.clock.now();
    }
    if ((fleet.clock.now() - from) % LEADER_MS === 0) fleet.lead();
  }
  const probes = fleet.transitions.filter(
    ({ from: before, reason }) => before === 'HalfOpen' && reason.includes('probe failed'),
  );
  return {
    probes: mostWithin(
      OPEN_MS,
      probes.map(({ at }) => at),
    ),
    openSeconds: (openAt - from) / 1000,
    failedCalls: fleet.pods.reduce((sum, { served }) => sum + served.failed, 0),
  };
}

/** The most of the sorted times that lie within `ms`. */
function mostWithin(ms: number, times: readonly number[]): number {
  const counts = times.map((from, i) => times.slice(i).filter((at) => at - from < ms).length);
  return Math.max(0, ...counts);
}
