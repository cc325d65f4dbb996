import type { LimitStatus } from '../../contract/generated/types.ts';
import type { RateLimitPolicy, RateLimitPolicyStatus } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { PolicyAttachment, Section } from '../desired/policies/attachment.ts';
import { list } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
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
}

/** What the live, connected pods say of the policy's limits, put together. */
export function rateLimitFigures(
  { policy, won }: PolicyAttachment<RateLimitPolicy>,
  agents: ReadonlyMap<string, AgentObservation>,
): RateLimitFigures {
  const pods = reportsOf(policy, won, agents);
  const all = pods.flat();
  const limits = policy.spec.limits.map(({ name }) => figuresOf(name, all));
  const limiting = pods.filter((ofPod) => ofPod.some((limit) => limit.limiting)).length;
  const state = all.length === 0 ? 'Unknown' : limiting > 0 ? 'Limiting' : 'Flowing';
  return {
    state,
    limits,
    limiting,
    ...(all.length > 0 && { used: usedPercent(all) }),
    rejected: limits.reduce((sum, limit) => sum + (limit.rejected ?? 0), 0),
    exhausted: exhausted(policy, state, { limiting, total: pods.length }, all),
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

function figuresOf(name: string, all: readonly LimitStatus[]): RateLimitFigures['limits'][number] {
  const same = all.filter((limit) => limit.name === name);
  if (same.length === 0) return { name };
  return {
    name,
    usedPercent: usedPercent(same),
    rejected: same.reduce((sum, { rejected }) => sum + Math.max(0, Math.trunc(rejected)), 0),
  };
}

function usedPercent(limits: readonly LimitStatus[]): number {
  const fullest = Math.max(...limits.map((limit) => limit.usedPercent));
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
