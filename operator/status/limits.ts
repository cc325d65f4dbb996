import type { LimitStatus } from '../../contract/generated/types.ts';
import type { RateLimitPolicy, RateLimitPolicyStatus } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { PolicyAttachment, Section } from '../desired/policies/attachment.ts';
import { list } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { FleetFigures } from '../fleet/limits/agentFleet.ts';
import type { AgentObservation } from './observations.ts';

export interface RateLimitFigures {
  state: NonNullable<RateLimitPolicyStatus['state']>;
  limits: NonNullable<RateLimitPolicyStatus['limits']>;
  /** Pods that reject now. */
  limiting: number;
  /** Percent of the fullest limit in any pod; absent when no pod reports. */
  used?: number;
  /** Since the pods started. */
  rejected: number;
  exhausted: ConditionDraft;
  /** What the leader grants; absent unless the limits are the fleet's. */
  fleet?: NonNullable<RateLimitPolicyStatus['fleet']>;
}

/** What the live, connected pods say of the policy's limits, put together. */
export function rateLimitFigures(
  { policy, won }: PolicyAttachment<RateLimitPolicy>,
  agents: ReadonlyMap<string, AgentObservation>,
): RateLimitFigures {
  const granted = fleetLimits(policy, won, agents);
  const pods = reportsOf(policy, won, agents);
  const all = pods.flat();
  const limits = policy.spec.limits.map(({ name }) => figuresOf(name, all, granted));
  const limiting = pods.filter((ofPod) => ofPod.some((limit) => limit.limiting)).length;
  const state = all.length === 0 ? 'Unknown' : limiting > 0 ? 'Limiting' : 'Flowing';
  return {
    state,
    limits,
    limiting,
    ...(all.length > 0 && { used: usedPercent(all, granted) }),
    rejected: limits.reduce((sum, limit) => sum + (limit.rejected ?? 0), 0),
    exhausted: exhausted(policy, state, { limiting, total: pods.length }, all),
    ...(granted.length > 0 && { fleet: fleetFigures(granted, fleetsOf(won, agents)) }),
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

type FleetLimit = FleetFigures['limits'][number];

/** Those of the policy's limits. */
function fleetLimits(
  { spec }: RateLimitPolicy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): FleetLimit[] {
  if (spec.scope !== 'Fleet') return [];
  const names = new Set(spec.limits.map(({ name }) => name));
  return won.flatMap(({ agent, section }) =>
    (agents.get(agent)?.fleet?.limits ?? []).filter(
      ({ target, name }) => target === section && names.has(name),
    ),
  );
}

function fleetFigures(
  limits: readonly FleetLimit[],
  fleets: readonly FleetFigures[],
): NonNullable<RateLimitPolicyStatus['fleet']> {
  const sum = (figure: 'granted' | 'held'): number =>
    Math.round(limits.reduce((total, limit) => total + limit[figure], 0));
  const pods = (figure: 'linked' | 'total'): number =>
    fleets.reduce((total, fleet) => total + fleet.pods[figure], 0);
  return {
    granted: sum('granted'),
    held: sum('held'),
    pods: `${pods('linked')}/${pods('total')}`,
    leader: fleets[0]!.leader,
  };
}

/** For each live, connected pod its figures of the sections where the policy is in force. */
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

function figuresOf(
  name: string,
  all: readonly LimitStatus[],
  granted: readonly FleetLimit[],
): RateLimitFigures['limits'][number] {
  const same = all.filter((limit) => limit.name === name);
  if (same.length === 0) return { name };
  return {
    name,
    usedPercent: usedPercent(
      same,
      granted.filter((limit) => limit.name === name),
    ),
    rejected: same.reduce((sum, { rejected }) => sum + Math.max(0, Math.trunc(rejected)), 0),
  };
}

/** Of limits of the fleet, the leader's bucket counts, with the tokens that pods hold. */
function usedPercent(limits: readonly LimitStatus[], granted: readonly FleetLimit[]): number {
  const fullest =
    granted.length > 0
      ? Math.max(
          ...granted.map(({ level, held, capacity }) => 100 * (1 - (level + held) / capacity)),
        )
      : Math.max(...limits.map((limit) => limit.usedPercent));
  return Math.min(100, Math.max(0, Math.round(fullest)));
}

function exhausted(
  { spec }: RateLimitPolicy,
  state: RateLimitFigures['state'],
  { limiting, total }: { limiting: number; total: number },
  all: readonly LimitStatus[],
): ConditionDraft {
  const names = list([...new Set(all.filter((limit) => limit.limiting).map(({ name }) => name))]);
  const shadow = spec.mode === 'Shadow';
  const drafts: Record<typeof state, Omit<ConditionDraft, 'type'>> = {
    Limiting: shadow
      ? {
          status: 'False',
          reason: 'Shadow',
          message: `Nothing is rejected. Enforced, ${limiting}/${total} pods would answer 429 because limit ${names} is used up.`,
        }
      : {
          status: 'True',
          reason: 'Limiting',
          message: `${limiting}/${total} pods answer 429 because limit ${names} is used up. Raise refill or capacity, or send less.`,
        },
    Flowing: {
      status: 'False',
      reason: shadow ? 'Shadow' : 'Flowing',
      message: 'Nothing is rejected at present.',
    },
    Unknown: {
      status: 'Unknown',
      reason: 'NoReports',
      message: 'No pod reports on it at present.',
    },
  };
  return { type: 'Exhausted', ...drafts[state] };
}
