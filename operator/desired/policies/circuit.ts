import { isDeepStrictEqual } from 'node:util';
import { CIRCUIT_BREAKER_POLICY_DEFAULTS } from '../../../crds/generated/defaults.ts';
import type { Circuit, FailureRate, SlowCalls } from '../../../contract/generated/types.ts';
import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicySpec,
} from '../../../crds/generated/types.ts';
import { checkOrder, parseDuration, parsePositiveDuration, parseTime } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { requires, type Feature } from '../common/features.ts';
import { byText } from '../common/wording.ts';

type Rules = Pick<
  CircuitBreakerPolicySpec,
  keyof typeof CIRCUIT_BREAKER_POLICY_DEFAULTS | 'maxOpenDuration' | 'override' | 'resetToken'
> &
  Partial<Pick<CircuitBreakerPolicySpec, 'scope' | 'fleet'>>;

/** Defaults of an empty `fleet` in the schema. */
const FLEET: NonNullable<Rules['fleet']> = { quorum: 50 };

/**
 * The circuit of a dependency. Without a policy it has a policy's defaults.
 *
 * @param firstTokenMs the agent's timeouts.firstToken
 * @throws InvalidSpecError for a value that the schema should have refused
 */
export function resolveCircuit(
  dependency: string,
  policy: CircuitBreakerPolicy | undefined,
  firstTokenMs: number,
): Circuit {
  const spec: Rules = policy?.spec ?? CIRCUIT_BREAKER_POLICY_DEFAULTS;
  const maxOpenDuration = spec.maxOpenDuration ?? spec.openDuration;
  checkOrder(['spec.openDuration', spec.openDuration], ['spec.maxOpenDuration', maxOpenDuration]);
  return {
    dependency,
    ...(policy && { policy: policy.metadata.name }),
    trip: trip(spec.trip),
    openDurationMs: parsePositiveDuration(spec.openDuration, 'spec.openDuration'),
    maxOpenDurationMs: parsePositiveDuration(maxOpenDuration, 'spec.maxOpenDuration'),
    halfOpen: {
      maxProbes: spec.halfOpen.maxProbes,
      successThreshold: spec.halfOpen.successThreshold,
      queueTimeoutMs: parseDuration(spec.halfOpen.queueTimeout, 'spec.halfOpen.queueTimeout'),
    },
    abandonedAfterMs: firstTokenMs,
    failureOn: [...spec.failureOn].sort(byText),
    recovery: { rampUpMs: parseDuration(spec.recovery.rampUp, 'spec.recovery.rampUp') },
    mode: spec.mode,
    ...(spec.scope === 'Fleet' && { fleet: { quorumPercent: (spec.fleet ?? FLEET).quorum } }),
    ...(spec.override === undefined ? {} : { override: override(spec.override) }),
    ...(spec.resetToken === undefined ? {} : { resetToken: spec.resetToken }),
    requires: featuresOf(spec),
  };
}

/**
 * Features without which a runtime would ignore a rule or an override, or would reject calls wrongly. Ramp-up and resets
 * are not among them: a circuit without them still works.
 */
function featuresOf(spec: Rules): Feature[] {
  const { trip: rules } = spec;
  return requires(
    rules.consecutiveFailures !== undefined && 'Circuit.ConsecutiveFailures',
    rules.failureRate !== undefined && 'Circuit.FailureRate',
    rules.slowCalls !== undefined && 'Circuit.SlowCalls',
    !hasDefaultClasses(spec) && 'Circuit.FailureOn',
    spec.mode === 'Shadow' && 'Circuit.Shadow',
    spec.override !== undefined && 'Circuit.Override',
    spec.scope === 'Fleet' && 'Circuit.Fleet',
  );
}

type Trip = CircuitBreakerPolicySpec['trip'];

function trip({ consecutiveFailures, failureRate, slowCalls }: Trip): Circuit['trip'] {
  return {
    ...(consecutiveFailures === undefined ? {} : { consecutiveFailures }),
    ...(failureRate === undefined ? {} : { failureRate: failureRateRule(failureRate) }),
    ...(slowCalls === undefined ? {} : { slowCalls: slowCallsRule(slowCalls) }),
  };
}

function failureRateRule(rule: NonNullable<Trip['failureRate']>): FailureRate {
  return { percent: rule.percent, ...window(rule, 'spec.trip.failureRate') };
}

function slowCallsRule(rule: NonNullable<Trip['slowCalls']>): SlowCalls {
  const field = 'spec.trip.slowCalls';
  const slowerThanMs = parsePositiveDuration(rule.slowerThan, `${field}.slowerThan`);
  return { percent: rule.percent, slowerThanMs, ...window(rule, field) };
}

type Window = Pick<FailureRate, 'windowMs' | 'calls' | 'minimumCalls'>;

function window(
  rule: { window?: string; calls?: number; minimumCalls: number },
  field: string,
): Window {
  const { window: time, calls, minimumCalls } = rule;
  if ((time === undefined) === (calls === undefined)) {
    throw new InvalidSpecError('Invalid', `set exactly one of ${field}.window and ${field}.calls`);
  }
  return {
    ...(time === undefined ? {} : { windowMs: parsePositiveDuration(time, `${field}.window`) }),
    ...(calls === undefined ? {} : { calls }),
    minimumCalls,
  };
}

function hasDefaultClasses({ failureOn }: Rules): boolean {
  return isDeepStrictEqual(new Set(failureOn), new Set(CIRCUIT_BREAKER_POLICY_DEFAULTS.failureOn));
}

type Override = NonNullable<CircuitBreakerPolicySpec['override']>;

function override({ state, reason, expiresAt }: Override): NonNullable<Circuit['override']> {
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(expiresAt === undefined
      ? {}
      : { expiresAt: parseTime(expiresAt, 'spec.override.expiresAt') }),
  };
}
