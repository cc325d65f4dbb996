import type { Pod } from '../kube/index.ts';
import type { Links, PodReport } from '../links/index.ts';
import type { AgentState } from './agentState.ts';

/** Pods have this long to confirm a new configuration. */
const CONFIRM_MS = 200;

/**
 * A pod that lost its link counts as connected for this long: most links come back at once. A pod with a new link has
 * as long for its snapshot.
 */
export const RECONNECT_GRACE_MS = 2_000;

/** Whether status can be made, and for how many milliseconds that holds. Infinity: until a notification. */
export interface Readiness {
  ready: boolean;
  forMs: number;
}

export const READY: Readiness = { ready: true, forMs: Infinity };
/** A notification will come, such as the end of an attempt or of a reconcile. */
export const UNTIL_NOTIFIED: Readiness = { ready: false, forMs: Infinity };

/** Of several: ready when all are, and until the first of them changes. */
export function mergeReadiness(all: Iterable<Readiness>): Readiness {
  let [unready, change] = [0, Infinity];
  for (const { ready, forMs } of all) {
    if (ready) change = Math.min(change, forMs);
    else unready = Math.max(unready, forMs);
  }
  return unready > 0 ? { ready: false, forMs: unready } : { ready: true, forMs: change };
}

export interface FreshnessOptions {
  links: Pick<Links, 'podReport' | 'podsOf'>;
  agents: {
    stateOf(agentKey: string): Pick<AgentState, 'configuration' | 'configuredAt'> | undefined;
  };
  replicas: { of(agentKey: string): Pod[] };
  /** Wall clock and monotonic clock, in milliseconds. */
  clock: { now(): number; monotonic(): number };
}

/** Knows when the pods of an agent have had time to report. Until then their status stays as it is. */
export class Freshness {
  readonly #options: FreshnessOptions;

  constructor(options: FreshnessOptions) {
    this.#options = options;
  }

  readiness(agentKey: string): Readiness {
    const { links, replicas, clock } = this.#options;
    if (isPending(replicas.of(agentKey), (uid) => links.podReport(uid))) return UNTIL_NOTIFIED;
    const now = new Date(clock.now());
    const reports = links.podsOf(agentKey);
    const waitMs = reports.reduce(
      (longest, report) => Math.max(longest, snapshotLeft(report, now)),
      this.#confirmationLeft(agentKey, reports),
    );
    if (waitMs > 0) return { ready: false, forMs: waitMs };
    const graces = reports.map((report) => graceLeft(report, now)).filter((ms) => ms > 0);
    return graces.length === 0 ? READY : { ready: true, forMs: Math.min(...graces) };
  }

  /** Milliseconds left for pods to confirm the configuration that they were just sent. */
  #confirmationLeft(agentKey: string, reports: readonly PodReport[]): number {
    const { agents, clock } = this.#options;
    const { configuration, configuredAt = -Infinity } = agents.stateOf(agentKey) ?? {};
    const left = configuredAt + CONFIRM_MS - clock.monotonic();
    if (!configuration || left <= 0) return 0;
    return reports.some((pod) => pod.connected && pod.hash !== configuration.hash) ? left : 0;
  }
}

/**
 * Whether this leader's first attempt to reach some pod has not ended. It knows nothing of the pod until then. The end of
 * the attempt changes the pod's report.
 *
 * @param report by UID of the pod
 */
export function isPending(
  pods: readonly Pod[],
  report: (uid: string) => PodReport | undefined,
): boolean {
  return pods
    .filter((pod) => pod.status?.podIP && !isTerminating(pod))
    .some((pod) => report(pod.metadata.uid!)?.pending ?? false);
}

/** Milliseconds for which a pod that lost its link still counts as connected; 0 if it does not. */
export function graceLeft(report: PodReport, now: Date): number {
  if (report.connected || report.snapshot === undefined) return 0;
  return graceAfter(report.since, now);
}

/** Milliseconds left for a pod that has just connected to send its snapshot. */
function snapshotLeft({ connected, snapshot, since }: PodReport, now: Date): number {
  return connected && snapshot === undefined ? graceAfter(since, now) : 0;
}

/** Milliseconds that are left of the grace since a moment; 0 when the clock was stepped back behind it. */
function graceAfter(since: string, now: Date): number {
  const passed = now.getTime() - Date.parse(since);
  return passed < 0 ? 0 : Math.max(0, RECONNECT_GRACE_MS - passed);
}

/** Whether the pod is being deleted or has ended. */
export function isTerminating({ metadata, status }: Pod): boolean {
  const phase = status?.phase;
  return metadata.deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed';
}
