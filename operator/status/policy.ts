import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import { isPaused } from '../desired/common/metadata.ts';
import { truncate } from '../desired/common/wording.ts';
import {
  circuitsOf,
  lastFailureOf,
  MAX_REASON,
  nextProbeOf,
  podsByState,
  reasonOf,
  severity,
  podCircuits,
  worstState,
  type PolicyCircuit,
  type PodCircuit,
  type WorstState,
} from './circuits.ts';
import { conditions } from './conditions.ts';
import { fleetOf, fleetSummary } from './fleet.ts';
import { rateLimitFigures } from './limits.ts';
import type { AgentObservation } from './observations.ts';
import {
  programmedCondition,
  programmedCount,
  progressOf,
  share,
  type Progress,
} from './programmed.ts';
import { lastTransitionTime } from './since.ts';
import { describeTarget } from './target.ts';
import { mergeTransitions } from './transitions.ts';
import { tripped } from './tripped.ts';

/** What a policy's status is made of. */
export interface PolicyStatusInput<P extends Policy> {
  attachment: PolicyAttachment<P>;
  /** Of the agents that the policy is for, by name. */
  agents: ReadonlyMap<string, AgentObservation>;
  /** The status that the policy has. */
  previous: P['status'];
  now: Date;
}

const MAX_CIRCUITS = 64;

/** The status of a circuit breaker policy, after what its pods report. */
export function breakerPolicyStatus({
  attachment,
  agents,
  previous,
  now,
}: PolicyStatusInput<CircuitBreakerPolicy>): CircuitBreakerPolicyStatus {
  const { metadata } = attachment.policy;
  const seen = podCircuits(attachment.won, agents, metadata.name);
  const progress = progressOfPolicy(attachment, agents);
  const state = worstState(seen);
  const byState = podsByState(seen);
  const resetToken = handledResetToken(attachment.policy, seen, previous);
  const circuits = circuitsOf(seen, fleetOf(agents, metadata.name));
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    state,
    lastTransitionTime: lastTransitionTime(state, seen, previous, now),
    pods: {
      total: progress.length,
      closed: byState.Closed,
      halfOpen: byState.HalfOpen,
      open: byState.Open,
      unknown: byState.Unknown,
      programmed: programmedCount(progress),
    },
    circuits: bounded(circuits),
    transitions: mergeTransitions(metadata.name, agents, previous?.transitions),
    ...(resetToken !== undefined && { lastHandledResetToken: resetToken }),
    summary: {
      open: `${byState.Open}/${progress.length}`,
      ...fleetSummary(circuits),
      target: describeTarget(attachment),
      programmed: share(progress),
      ...breakerSummary(attachment, seen, state),
    },
    conditions: conditions(
      [
        attachment.accepted,
        programmed(attachment, progress),
        attachment.overridden,
        tripped(attachment.policy, state, seen),
        ...paused(attachment),
      ],
      previous?.conditions,
      metadata.generation,
      now,
    ),
  };
}

/** The status of a rate limit policy, after what its pods report. */
export function rateLimitPolicyStatus({
  attachment,
  agents,
  previous,
  now,
}: PolicyStatusInput<RateLimitPolicy>): RateLimitPolicyStatus {
  const { metadata } = attachment.policy;
  const progress = progressOfPolicy(attachment, agents);
  const figures = rateLimitFigures(attachment, agents);
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    state: figures.state,
    limits: figures.limits,
    ...(figures.fleet && { fleet: figures.fleet }),
    pods: {
      total: progress.length,
      programmed: programmedCount(progress),
      limiting: figures.limiting,
    },
    summary: {
      ...(figures.used !== undefined && { used: `${figures.used}%` }),
      rejected: figures.rejected,
      programmed: share(progress),
    },
    conditions: conditions(
      [
        attachment.accepted,
        programmed(attachment, progress),
        attachment.overridden,
        figures.exhausted,
        ...paused(attachment),
      ],
      previous?.conditions,
      metadata.generation,
      now,
    ),
  };
}

/** Of every live pod of every agent where the policy is in force. */
function progressOfPolicy(
  { policy, won }: PolicyAttachment,
  agents: ReadonlyMap<string, AgentObservation>,
): Progress[] {
  const ref = { kind: policy.kind, name: policy.metadata.name };
  return [...new Set(won.map(({ agent }) => agent))].flatMap((agent) => {
    const observation = agents.get(agent);
    return observation === undefined ? [] : progressOf(observation, ref);
  });
}

function programmed(
  { policy, accepted, won }: PolicyAttachment,
  progress: readonly Progress[],
): ConditionDraft {
  const condition = programmedCondition(progress, `generation ${policy.metadata.generation ?? 1}`);
  if (accepted.status !== 'False') return condition;
  // GEP-713: what is not accepted is not programmed, even where a part of it is in force.
  const where = won.length === 0 ? 'In force nowhere' : `Not all of it is in force`;
  const message = `${where}: ${accepted.reason}. See the condition Accepted.`;
  const part = won.length === 0 ? '' : ` Of the rest: ${condition.message}`;
  return { type: 'Programmed', status: 'False', reason: 'NotAccepted', message: message + part };
}

/** Only while the policy is paused. */
function paused({ policy }: PolicyAttachment): ConditionDraft[] {
  if (!isPaused(policy)) return [];
  const message =
    'The annotation breakwater.dev/paused holds the policy as it is in force. Edits of it wait.';
  return [{ type: 'Paused', status: 'True', reason: 'Annotated', message }];
}

/** At most as many as status may hold, the worst ones, in their order. */
function bounded(circuits: PolicyCircuit[]): PolicyCircuit[] {
  if (circuits.length <= MAX_CIRCUITS) return circuits;
  const kept = new Set(
    circuits.toSorted((a, b) => severity(b.state) - severity(a.state)).slice(0, MAX_CIRCUITS),
  );
  return circuits.filter((circuit) => kept.has(circuit));
}

function breakerSummary(
  { accepted, won }: PolicyAttachment,
  seen: readonly PodCircuit[],
  state: WorstState,
): CircuitBreakerPolicyStatus['summary'] {
  const reason =
    won.length === 0 && accepted.status === 'False' ? accepted.reason : reasonOf(seen, state);
  const nextProbe = nextProbeOf(seen);
  const failure = lastFailureOf(seen);
  return {
    ...(reason !== undefined && { reason }),
    ...(nextProbe !== undefined && { nextProbe }),
    ...(failure !== undefined && {
      lastError: truncate(`${failure.class}: ${failure.message}`, MAX_REASON),
    }),
  };
}

/**
 * The reset token that every connected pod has handled: the spec's as soon as all of them did, until then the one
 * before.
 */
function handledResetToken(
  { spec }: CircuitBreakerPolicy,
  seen: readonly PodCircuit[],
  previous: CircuitBreakerPolicyStatus | undefined,
): string | undefined {
  const token = spec.resetToken;
  const connected = seen.filter(({ pod }) => pod.connected);
  const done = connected.every(({ circuit }) => circuit?.handledResetToken === token);
  return token !== undefined && connected.length > 0 && done
    ? token
    : previous?.lastHandledResetToken;
}
