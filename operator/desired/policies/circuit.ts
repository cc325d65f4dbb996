import type { Circuit, FailureRate, SlowCalls } from '../../../contract/generated/types.ts';
import type {
  CircuitBreakerPolicy,
  CircuitBreakerPolicySpec,
} from '../../../crds/generated/types.ts';
import { checkOrder, parseDuration, parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { requires, type Feature } from '../common/features.ts';

/** What a circuit without a policy does. */
const DEFAULT_CIRCUIT = {
  trip: { consecutiveFailures: 5 },
  openDurationMs: 60_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
} as const;

/** Classes of failures in the order in which a configuration has them, and whether they count by default. */
const FAILURE_CLASSES = {
  ServerError: true,
  Overloaded: true,
  Timeout: true,
  Connection: true,
  InvalidResponse: true,
  RateLimited: false,
} as const;

/**
 * The circuit of a dependency, with the built-in figures where there is no policy. Throws an InvalidSpecError for
 * what the schema should have refused.
 */
export function resolveCircuit(
  dependency: string,
  policy: CircuitBreakerPolicy | undefined,
): Circuit {
  if (policy === undefined) {
    return { dependency, ...DEFAULT_CIRCUIT, requires: requires('Circuit.ConsecutiveFailures') };
  }
  const { spec } = policy;
  const failureOn = failureClasses(spec);
  checkOrder(
    ['spec.openDuration', spec.openDuration],
    ['spec.maxOpenDuration', spec.maxOpenDuration],
  );
  return {
    dependency,
    policy: policy.metadata.name,
    trip: trip(spec.trip),
    openDurationMs: parsePositiveDuration(spec.openDuration, 'spec.openDuration'),
    maxOpenDurationMs: parsePositiveDuration(spec.maxOpenDuration, 'spec.maxOpenDuration'),
    halfOpen: {
      maxProbes: spec.halfOpen.maxProbes,
      successThreshold: spec.halfOpen.successThreshold,
    },
    ...(failureOn === undefined ? {} : { failureOn }),
    ...recovery(spec.recovery),
    ...(spec.mode === 'Shadow' ? { mode: 'Shadow' as const } : {}),
    ...(spec.override === undefined ? {} : { override: override(spec.override) }),
    ...(spec.resetToken === undefined ? {} : { resetToken: spec.resetToken }),
    requires: featuresOf(spec, failureOn),
  };
}

/**
 * What a runtime must have, lest a rule never opens the circuit, calls are rejected that should not be, or an
 * override is not heeded. One without a ramp-up or without resets still does what a circuit is for.
 */
function featuresOf(spec: CircuitBreakerPolicySpec, failureOn: string[] | undefined): Feature[] {
  const { trip: rules } = spec;
  return requires(
    rules.consecutiveFailures !== undefined && 'Circuit.ConsecutiveFailures',
    rules.failureRate !== undefined && 'Circuit.FailureRate',
    rules.slowCalls !== undefined && 'Circuit.SlowCalls',
    failureOn !== undefined && 'Circuit.FailureOn',
    spec.mode === 'Shadow' && 'Circuit.Shadow',
    spec.override !== undefined && 'Circuit.Override',
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

/** The classes in a fixed order, or undefined when they are the default ones. */
function failureClasses({ failureOn }: CircuitBreakerPolicySpec): string[] | undefined {
  const all = Object.entries(FAILURE_CLASSES);
  const chosen = (name: string): boolean => failureOn.some((one) => one === name);
  if (all.every(([name, usual]) => chosen(name) === usual)) return undefined;
  return all.map(([name]) => name).filter(chosen);
}

function recovery({ rampUp }: CircuitBreakerPolicySpec['recovery']): Pick<Circuit, 'recovery'> {
  const rampUpMs = parseDuration(rampUp, 'spec.recovery.rampUp');
  return rampUpMs === 0 ? {} : { recovery: { rampUpMs } };
}

type Override = NonNullable<CircuitBreakerPolicySpec['override']>;

function override({ state, reason, expiresAt }: Override): NonNullable<Circuit['override']> {
  return {
    state,
    ...(reason === undefined ? {} : { reason }),
    ...(expiresAt === undefined ? {} : { expiresAt: time(expiresAt) }),
  };
}

function time(text: string): string {
  const parsed = Date.parse(text);
  if (!Number.isNaN(parsed)) return new Date(parsed).toISOString();
  throw new InvalidSpecError(
    'Invalid',
    'spec.override.expiresAt must be a time in RFC 3339, such as 2026-12-01T02:00:00Z',
  );
}
