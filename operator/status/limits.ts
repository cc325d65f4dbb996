import type { LimitStatus } from '../../contract/generated/types.ts';
import type { RateLimitPolicy, RateLimitPolicyStatus } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { Section } from '../desired/policies/attachment.ts';
import { list, truncate } from '../desired/common/wording.ts';
import { livePods, MAX_REASON } from './circuits.ts';
import type { FleetFigures } from '../fleet/limits/sharedLimits.ts';
import type { AgentObservation } from './observations.ts';
import { mergeProgress, progressIn, type ProgressSummary } from './programmed.ts';
import { sum } from './sum.ts';
import { hasExpired } from './tripped.ts';

export interface RateLimitFigures {
  state: NonNullable<RateLimitPolicyStatus['state']>;
  limits: NonNullable<RateLimitPolicyStatus['limits']>;
  /** Number of pods that reject now. */
  limiting: number;
  /** Percent used of the fullest limit in any pod; absent if no pod reports. */
  used?: number;
  /** Since the pods started. */
  rejected: number;
  exhausted: ConditionDraft;
  /** The leader's grants; absent unless the scope is Fleet. */
  fleet?: NonNullable<RateLimitPolicyStatus['fleet']>;
}

/** Summary of the pods' reports and the leader's grants for the limits of one policy. */
export interface LimitSummary {
  /** Live pods where the policy is in force. */
  pods: number;
  /** Those of them that reject now. */
  limiting: number;
  /** Those of them in which an override is in force. */
  overridden: number;
  /** By name; without limits that nothing reports. */
  limits: ReadonlyMap<string, LimitFigures>;
  /** Names of limits by which some pod rejects, in the order of the pods. */
  used: readonly string[];
  /** The leader's grants; absent unless this process leads the fleet of an agent. */
  fleet?: { granted: number; held: number; linked: number; total: number; leader: string };
  progress: ProgressSummary;
}

interface LimitFigures {
  /** Number of pods that report the limit. */
  reports: number;
  /** Percent used in the fullest pod; -Infinity if no pod reports. */
  usedPercent: number;
  rejected: number;
  /** Percent used by all pods, without tokens that they hold; absent unless the scope is Fleet. */
  fleetPercent?: number;
}

/** @param won where the policy is in force */
export function summarizeLimits(
  policy: RateLimitPolicy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): LimitSummary {
  const granted = fleetLimits(policy, won, agents);
  const pods = reportsOf(policy, won, agents);
  const all = pods.flat();
  const fleets = fleetsOf(won, agents);
  return {
    pods: pods.length,
    limiting: pods.filter((ofPod) => ofPod.some((limit) => limit.limiting)).length,
    overridden: pods.filter((ofPod) => ofPod.some((limit) => limit.overridden === true)).length,
    limits: new Map(
      policy.spec.limits.flatMap(({ name }) => {
        const figures = summaryOf(name, all, granted);
        return figures ? [[name, figures]] : [];
      }),
    ),
    used: [...new Set(all.filter((limit) => limit.limiting).map(({ name }) => name))],
    ...(fleets.length > 0 && { fleet: fleetTotals(granted, fleets) }),
    progress: progressIn(policy, won, agents),
  };
}

/** Merges the summaries of agents, in their order. */
export function mergeLimits(parts: readonly LimitSummary[]): LimitSummary {
  const limits = Map.groupBy(
    parts.flatMap((part) => [...part.limits]),
    ([name]) => name,
  );
  const fleets = parts.flatMap(({ fleet }) => fleet ?? []);
  const ofFleets = (figure: 'granted' | 'held' | 'linked' | 'total'): number =>
    sum(fleets, (fleet) => fleet[figure]);
  return {
    pods: sum(parts, ({ pods }) => pods),
    limiting: sum(parts, ({ limiting }) => limiting),
    overridden: sum(parts, ({ overridden }) => overridden),
    limits: new Map(
      [...limits].map(([name, same]) => [name, mergeFigures(same.map(([, figures]) => figures))]),
    ),
    used: [...new Set(parts.flatMap(({ used }) => used))],
    ...(fleets.length > 0 && {
      fleet: {
        granted: ofFleets('granted'),
        held: ofFleets('held'),
        linked: ofFleets('linked'),
        total: ofFleets('total'),
        leader: fleets[0]!.leader,
      },
    }),
    progress: mergeProgress(parts.map(({ progress }) => progress)),
  };
}

export function rateLimitFigures(policy: RateLimitPolicy, seen: LimitSummary): RateLimitFigures {
  const { limiting, fleet } = seen;
  const all = mergeFigures([...seen.limits.values()]);
  const limits = policy.spec.limits.map(({ name }) => figuresOf(name, seen.limits.get(name)));
  const state = all.reports === 0 ? 'Unknown' : limiting > 0 ? 'Limiting' : 'Flowing';
  return {
    state,
    limits,
    limiting,
    ...(all.reports > 0 && { used: shownPercent(all) }),
    rejected: sum(limits, ({ rejected = 0 }) => rejected),
    exhausted: exhausted(policy, state, seen),
    ...(fleet && all.fleetPercent !== undefined && { fleet: fleetFigures(fleet) }),
  };
}

/** The leader's figures of the agents where the policy is in force. */
function fleetsOf(
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): FleetFigures[] {
  return [...new Set(won.map(({ agent }) => agent))].flatMap(
    (agent) => agents.get(agent)?.fleet ?? [],
  );
}

interface FleetLimit {
  name: string;
  granted: number;
  held: number;
  /** Percent used, by the leader's grants and by what pods took of their safe shares. */
  usedPercent: number;
}

/** The figures of the policy's limits, if their scope is Fleet. */
function fleetLimits(
  policy: RateLimitPolicy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): FleetLimit[] {
  if (policy.spec.scope !== 'Fleet') return [];
  const names = new Set(policy.spec.limits.map(({ name }) => name));
  return won.flatMap((place) => {
    const reported = reportsOf(policy, [place], agents).flat();
    return (agents.get(place.agent)?.fleet?.limits ?? [])
      .filter(({ target, name }) => target === place.section && names.has(name))
      .map(({ name, level, held, granted, capacity, maxPods }) => {
        const shares = reported.filter((limit) => limit.name === name);
        const ofShares = sum(shares, ({ usedPercent }) => usedPercent) / maxPods;
        return {
          name,
          granted,
          held,
          usedPercent: 100 * (1 - (level + held) / capacity) + ofShares,
        };
      });
  });
}

/** The reports of each live pod on the sections where the policy is in force; empty for a pod without a link. */
function reportsOf(
  policy: RateLimitPolicy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): LimitStatus[][] {
  const names = new Set(policy.spec.limits.map(({ name }) => name));
  return [...Map.groupBy(won, ({ agent }) => agent)].flatMap(([agent, sections]) => {
    const targets = new Set(sections.map(({ section }) => section));
    return livePods(agents.get(agent)).map(({ connected, snapshot }) =>
      (connected ? (snapshot?.limits ?? []) : []).filter(
        ({ policy: owner, target, name }) =>
          owner === policy.metadata.name && targets.has(target) && names.has(name),
      ),
    );
  });
}

function fleetTotals(
  limits: readonly FleetLimit[],
  fleets: readonly FleetFigures[],
): NonNullable<LimitSummary['fleet']> {
  return {
    granted: sum(limits, ({ granted }) => granted),
    held: sum(limits, ({ held }) => held),
    linked: sum(fleets, ({ pods }) => pods.linked),
    total: sum(fleets, ({ pods }) => pods.total),
    leader: fleets[0]!.leader,
  };
}

function fleetFigures(
  fleet: NonNullable<LimitSummary['fleet']>,
): NonNullable<RateLimitPolicyStatus['fleet']> {
  return {
    granted: Math.round(fleet.granted),
    held: Math.round(fleet.held),
    pods: `${fleet.linked}/${fleet.total}`,
    leader: fleet.leader,
  };
}

function summaryOf(
  name: string,
  all: readonly LimitStatus[],
  granted: readonly FleetLimit[],
): LimitFigures | undefined {
  const same = all.filter((limit) => limit.name === name);
  const ofFleet = granted.filter((limit) => limit.name === name);
  if (same.length === 0 && ofFleet.length === 0) return undefined;
  return {
    reports: same.length,
    usedPercent: Math.max(...same.map((limit) => limit.usedPercent)),
    rejected: sum(same, ({ rejected }) => Math.max(0, Math.trunc(rejected))),
    ...(ofFleet.length > 0 && {
      fleetPercent: Math.max(...ofFleet.map(({ usedPercent }) => usedPercent)),
    }),
  };
}

function mergeFigures(parts: readonly LimitFigures[]): LimitFigures {
  const ofFleet = parts.flatMap(({ fleetPercent }) => fleetPercent ?? []);
  return {
    reports: sum(parts, ({ reports }) => reports),
    usedPercent: Math.max(...parts.map(({ usedPercent }) => usedPercent)),
    rejected: sum(parts, ({ rejected }) => rejected),
    ...(ofFleet.length > 0 && { fleetPercent: Math.max(...ofFleet) }),
  };
}

function figuresOf(
  name: string,
  figures: LimitFigures | undefined,
): RateLimitFigures['limits'][number] {
  if (figures === undefined || figures.reports === 0) return { name };
  return { name, usedPercent: shownPercent(figures), rejected: figures.rejected };
}

/** For a limit of scope Fleet, the figure of all pods. */
function shownPercent({ usedPercent, fleetPercent }: LimitFigures): number {
  return Math.min(100, Math.max(0, Math.round(fleetPercent ?? usedPercent)));
}

function exhausted(
  { spec }: RateLimitPolicy,
  state: RateLimitFigures['state'],
  { limiting, pods, used, overridden }: LimitSummary,
): ConditionDraft {
  const names = list(used);
  const shadow = spec.mode === 'Shadow';
  // Pods without Redis reject by the same limits.
  const stored =
    spec.fleet?.store === 'Redis' &&
    spec.limits.some(({ name, key }) => key !== undefined && used.includes(name));
  const cause = stored ? 'is used up, or Redis does not answer' : 'is used up';
  const override = overridden > 0 ? ` ${overrideText(spec)}.` : '';
  const log = stored ? ' The log of the pods says when it is Redis.' : '';
  const drafts: Record<typeof state, Omit<ConditionDraft, 'type'>> = {
    Limiting: shadow
      ? {
          status: 'False',
          reason: 'Shadow',
          message: `Nothing is rejected. Enforced, ${limiting}/${pods} pods would answer 429 because limit ${names} is used up.`,
        }
      : {
          status: 'True',
          reason: 'Limiting',
          message: `${limiting}/${pods} pods answer 429 because limit ${names} ${cause}. Raise refill or capacity, or send less.${override}${log}`,
        },
    Flowing: {
      status: 'False',
      reason: shadow ? 'Shadow' : 'Flowing',
      message: 'No request is rejected.',
    },
    Unknown: {
      status: 'Unknown',
      reason: 'NoReports',
      message: 'No connected pod reports its limits.',
    },
  };
  return { type: 'Exhausted', ...drafts[state] };
}

/** What an override changes, and until when. */
function overrideText({ override, limits }: RateLimitPolicy['spec']): string {
  const why = override?.reason === undefined ? '' : ` (${truncate(override.reason, MAX_REASON)})`;
  const names = new Set(limits.map(({ name }) => name));
  const changed = (override?.limits ?? [])
    .filter(({ name }) => names.has(name))
    .map(({ name, refill: { amount, per } }) => `${name} at ${amount} per ${per}`);
  return `spec.override${why} holds ${list(changed)} until ${override?.expiresAt ?? 'it is removed'}`;
}

/** Whether an override is in force. Absent without an override in the spec. */
export function overrideCondition(
  { spec }: RateLimitPolicy,
  { overridden, pods }: LimitSummary,
  now: Date,
): ConditionDraft[] {
  const { override } = spec;
  if (override === undefined) return [];
  const type = 'LimitsOverridden';
  if (overridden > 0) {
    const message = `${overrideText(spec)}, in ${overridden}/${pods} pods.`;
    return [{ type, status: 'True', reason: 'Override', message }];
  }
  if (hasExpired(override, now)) {
    const message = `spec.override.expiresAt is in the past (${override.expiresAt}), so that the limits have their own figures again.`;
    return [{ type, status: 'False', reason: 'Expired', message }];
  }
  const message = 'No connected pod reports that spec.override is in force.';
  return [{ type, status: 'False', reason: 'NoReports', message }];
}
