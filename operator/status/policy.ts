import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicyStatus,
  RateLimitPolicy,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import { list, truncate } from '../desired/common/wording.ts';
import { stateOf, type BreakerSummary } from './breakerSummary.ts';
import { MAX_REASON, type WorstState } from './circuits.ts';
import { conditions } from './conditions.ts';
import { deprecatedFieldsCondition } from './deprecated.ts';
import { fleetColumns } from './fleet.ts';
import { contestedCondition } from './impediments.ts';
import {
  overrideCondition,
  rateLimitFigures,
  type LimitSummary,
  type RateLimitFigures,
} from './limits.ts';
import type { Contest } from './observations.ts';
import { programmedCondition, progressCount, share, type ProgressSummary } from './programmed.ts';
import { lastTransitionTime } from './since.ts';
import { describeTarget } from './target.ts';
import { lastTransitions } from './transitions.ts';
import { hasExpired, tripped } from './tripped.ts';

/** The input of a policy's status, without the summary of the agents' pods. */
export interface PolicyStatusInput<P extends Policy> {
  attachment: PolicyAttachment<P>;
  /** The policy's current status. */
  previous: P['status'];
  /** Absent: no other writer contests the status. */
  contest?: Contest;
  now: Date;
}

/** The status of a CircuitBreakerPolicy, from the reports of pods. */
export function breakerStatus({
  attachment,
  seen,
  previous,
  contest,
  now,
}: PolicyStatusInput<CircuitBreakerPolicy> & {
  seen: BreakerSummary;
}): CircuitBreakerPolicyStatus {
  const { policy } = attachment;
  const { generation } = policy.metadata;
  const { pods, progress } = seen;
  const state = stateOf(seen);
  const resetToken = handledResetToken(policy, seen, previous);
  const total = progressCount(progress);
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    state,
    lastTransitionTime: lastTransitionTime(state, seen, previous, now),
    pods: {
      total,
      closed: pods.Closed,
      halfOpen: pods.HalfOpen,
      open: pods.Open,
      unknown: pods.Unknown,
      programmed: progress.Programmed.count,
    },
    circuits: seen.circuits,
    // Earlier transitions stay in status after the end of their pod or of the operator.
    transitions: lastTransitions([...seen.transitions, ...(previous?.transitions ?? [])]),
    ...(resetToken !== undefined && { lastHandledResetToken: resetToken }),
    summary: {
      open: `${pods.Open}/${total}`,
      ...fleetColumns(seen.fleet),
      target: describeTarget(attachment),
      programmed: share(progress),
      ...breakerSummary(attachment, seen, state, now),
    },
    conditions: conditions(
      [
        attachment.accepted,
        programmed(attachment, progress),
        attachment.overridden,
        tripped(policy, state, seen, now),
        ...deprecatedFieldsCondition(policy),
        ...contestedCondition(contest),
      ],
      previous?.conditions,
      generation,
      now,
    ),
  };
}

/** The status of a RateLimitPolicy, from the reports of pods. */
export function limitStatus({
  attachment,
  seen,
  previous,
  contest,
  now,
}: PolicyStatusInput<RateLimitPolicy> & { seen: LimitSummary }): RateLimitPolicyStatus {
  const { generation } = attachment.policy.metadata;
  const { progress } = seen;
  const figures = rateLimitFigures(attachment.policy, seen);
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    state: figures.state,
    limits: figures.limits,
    ...(figures.fleet && { fleet: figures.fleet }),
    pods: {
      total: progressCount(progress),
      programmed: progress.Programmed.count,
      limiting: figures.limiting,
    },
    summary: {
      ...(figures.used !== undefined && { used: `${figures.used}%` }),
      rejected: figures.rejected,
      programmed: share(progress),
      target: describeTarget(attachment),
      ...limitReason(attachment, figures, seen, now),
    },
    conditions: conditions(
      [
        attachment.accepted,
        programmed(attachment, progress),
        attachment.overridden,
        figures.exhausted,
        ...overrideCondition(attachment.policy, seen, now),
        ...deprecatedFieldsCondition(attachment.policy),
        ...contestedCondition(contest),
      ],
      previous?.conditions,
      generation,
      now,
    ),
  };
}

function programmed(
  { policy, accepted, won }: PolicyAttachment,
  progress: ProgressSummary,
): ConditionDraft {
  const condition = programmedCondition(progress, `generation ${policy.metadata.generation ?? 1}`);
  if (accepted.status !== 'False') return condition;
  // GEP-713: a policy that is not accepted is not programmed, even if a part of it is in force.
  const where = won.length === 0 ? 'In force nowhere' : 'Not all of it is in force';
  const message = `${where}: ${accepted.reason}. See the condition Accepted.`;
  const part = won.length === 0 ? '' : ` Of the rest: ${condition.message}`;
  return { type: 'Programmed', status: 'False', reason: 'NotAccepted', message: message + part };
}

/** Why the policy is in force nowhere; undefined if it is in force. */
function nowhere({ accepted, won }: PolicyAttachment): string | undefined {
  return won.length === 0 && accepted.reason !== 'Accepted' ? accepted.reason : undefined;
}

function limitReason(
  attachment: PolicyAttachment<RateLimitPolicy>,
  { state, exhausted }: RateLimitFigures,
  { used, overridden }: LimitSummary,
  now: Date,
): Pick<NonNullable<RateLimitPolicyStatus['summary']>, 'reason'> {
  const limiting = state === 'Limiting' && exhausted.status === 'True';
  const { override } = attachment.policy.spec;
  const expired = hasExpired(override, now) ? 'override expired' : undefined;
  const held = overridden > 0 ? overrideReason(override) : expired;
  const reason = nowhere(attachment) ?? (limiting ? `${list(used)} used up` : held);
  return reason === undefined ? {} : { reason: truncate(reason, MAX_REASON) };
}

function breakerSummary(
  attachment: PolicyAttachment<CircuitBreakerPolicy>,
  { states, nextProbe, lastFailure }: BreakerSummary,
  state: WorstState,
  now: Date,
): CircuitBreakerPolicyStatus['summary'] {
  const { override } = attachment.policy.spec;
  const expired = hasExpired(override, now) ? 'override expired' : undefined;
  const reason = nowhere(attachment) ?? stateReason(override, states[state]) ?? expired;
  return {
    ...(reason !== undefined && { reason }),
    ...(nextProbe !== undefined && { nextProbe }),
    ...(lastFailure !== undefined && {
      lastError: truncate(`${lastFailure.class}: ${lastFailure.message}`, MAX_REASON),
    }),
  };
}

/** What pods give as the reason of a circuit that an override holds. */
const ENDED_OVERRIDE = /^override(:|$)/;

/** Why circuits are in their state. The pods name the override that began; its reason may have been edited since. */
function stateReason(
  override: CircuitBreakerPolicy['spec']['override'],
  { overridden, reason }: BreakerSummary['states'][WorstState],
): string | undefined {
  if (override === undefined || !overridden) {
    // A circuit that an override has closed keeps that reason after the override.
    return ENDED_OVERRIDE.test(reason?.text ?? '') ? undefined : reason?.text;
  }
  return overrideReason(override);
}

function overrideReason(override: { reason?: string } | undefined): string {
  return override?.reason === undefined ? 'override' : `override: ${override.reason}`;
}

/**
 * The reset token that every connected pod has handled: the one in the spec when all pods have handled it, before that
 * the former one.
 */
function handledResetToken(
  { spec }: CircuitBreakerPolicy,
  { connected, reset }: BreakerSummary,
  previous: CircuitBreakerPolicyStatus | undefined,
): string | undefined {
  const token = spec.resetToken;
  return token !== undefined && connected > 0 && reset === connected
    ? token
    : previous?.lastHandledResetToken;
}
