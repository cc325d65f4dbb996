import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { Condition } from '../../crds/meta.ts';
import { truncate } from '../desired/common/wording.ts';
import { gatesOf, agentCircuits, type PlanFacts } from './agent.ts';
import {
  byDependency,
  byModel,
  circuitName,
  circuitOf,
  reasonOf,
  worstState,
  type CircuitGroup,
  type PolicyCircuit,
  type WorstState,
} from './circuits.ts';
import { condition } from './conditions.ts';
import { changedGates, describeGate, type DependencyGate } from './gates.ts';
import { changedServers, describeChange, describeWithheld } from './mcpServers.ts';
import type { AgentObservation } from './observations.ts';
import { describeIncident, newIncidents, type ShownIncident } from './security.ts';

/** An Event to record about the function's object. */
export interface EventDraft {
  type: 'Normal' | 'Warning';
  reason: string;
  /** What the operator did or saw, in one word, as events.k8s.io/v1 asks. */
  action: string;
  note: string;
}

/** Longest note that the API takes. */
const MAX_NOTE = 1024;

/** Events for what changed between two statuses of a circuit breaker policy. */
export function breakerPolicyEvents(
  previous: CircuitBreakerPolicyStatus | undefined,
  next: CircuitBreakerPolicyStatus,
): EventDraft[] {
  const shadow = isShadow(next);
  const circuits = comparable(previous, next).flatMap((circuit) => {
    if (isKnown(circuit, previous, next)) return [];
    const before = previous?.circuits?.find((one) => sameCircuit(one, circuit));
    const why = lastReason(circuit, next);
    // The circuit starts to reject calls that shadow mode let pass.
    if (isShadow(previous) && !shadow) return circuitEvent(circuit, 'Closed', why);
    return [...circuitEvent(circuit, before?.state, why), ...spreadEvent(circuit, before, why)];
  });
  return [
    ...policyConditionEvents(previous?.conditions, next.conditions),
    ...overrideEvents(previous?.conditions, next.conditions),
    ...(shadow ? circuits.map(inShadow) : circuits),
    ...resetEvents(previous, next),
  ];
}

/**
 * The circuits of a status that are comparable with the previous one. A model whose circuit has closed has no entry of
 * its own any more: it is one of the rest. While models get entries of their own, the rest is no news.
 */
function comparable(
  previous: CircuitBreakerPolicyStatus | undefined,
  { circuits = [] }: CircuitBreakerPolicyStatus,
): PolicyCircuit[] {
  const before = previous?.circuits ?? [];
  const rest = (of: PolicyCircuit): PolicyCircuit | undefined =>
    circuits.find((one) => one.model === undefined && sameDependency(one, of));
  const merged = before.flatMap((one) => {
    const found = rest(one);
    const gone = one.model !== undefined && !circuits.some((other) => sameCircuit(one, other));
    return gone && found?.state === 'Closed' ? [{ ...found, model: one.model }] : [];
  });
  const named = (list: readonly PolicyCircuit[], of: PolicyCircuit): boolean =>
    list.some((one) => one.model !== undefined && sameDependency(one, of));
  const news = circuits.filter(
    (one) => one.model !== undefined || named(before, one) || !named(circuits, one),
  );
  return [...news, ...merged];
}

function isShadow(status: Pick<CircuitBreakerPolicyStatus, 'conditions'> | undefined): boolean {
  return condition(status?.conditions, 'Tripped')?.reason === 'Shadow';
}

function inShadow({ reason, action, note }: EventDraft): EventDraft {
  return event(
    'Normal',
    `Shadow${reason}`,
    action,
    `In shadow mode, so nothing is rejected: ${note}`,
  );
}

function overrideEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const before = condition(previous, 'Tripped')?.reason;
  const after = condition(next, 'Tripped');
  if (after === undefined || after.reason === before || after.status === 'Unknown') return [];
  if (after.reason === 'Override') {
    return [event('Warning', 'CircuitOverridden', 'OverrideCircuit', after.message)];
  }
  if (before !== 'Override') return [];
  const note = 'spec.override has expired or was removed; circuits follow their calls again.';
  return [event('Normal', 'CircuitOverrideEnded', 'OverrideCircuit', note)];
}

/** The first token is no reset. */
function resetEvents(
  previous: CircuitBreakerPolicyStatus | undefined,
  { lastHandledResetToken: token }: CircuitBreakerPolicyStatus,
): EventDraft[] {
  const before = previous?.lastHandledResetToken;
  if (before === undefined || token === undefined || token === before) return [];
  const note = `Every connected pod has closed its circuits for spec.resetToken ${token}.`;
  return [event('Normal', 'CircuitsReset', 'ResetCircuits', note)];
}

/** Events for what changed between two statuses of a rate limit policy. */
export function rateLimitPolicyEvents(
  previous: RateLimitPolicyStatus | undefined,
  next: RateLimitPolicyStatus,
): EventDraft[] {
  const conditions = policyConditionEvents(previous?.conditions, next.conditions);
  const [before, after] = [previous, next].map(
    (status) => condition(status?.conditions, 'Exhausted')?.status,
  );
  // Entering and leaving shadow mode changes only the reason.
  if (before === after) return conditions;
  return [
    ...conditions,
    ...conditionEvent(previous?.conditions, next.conditions, 'Exhausted', {
      True: { type: 'Warning', reason: 'RateLimitExhausted', action: 'LimitRequests' },
      False: { type: 'Normal', reason: 'RateLimitRecovered', action: 'LimitRequests' },
    }),
  ];
}

/** Events for changes between two statuses of an agent: its circuits under any policy, and its impediments. */
export function agentEvents(
  {
    agent,
    plan,
    observation,
    now,
  }: {
    agent: AgentDeployment;
    plan: Pick<PlanFacts, 'dependencies'>;
    observation: AgentObservation;
    /** Time of `next`. */
    now: Date;
  },
  previous: AgentDeploymentStatus | undefined,
  next: AgentDeploymentStatus,
): EventDraft[] {
  const seen = agentCircuits(agent, plan, observation);
  const unknownSince = unknownTime(previous);
  const circuits = byDependency(seen).flatMap((group) => {
    const circuit = { ...circuitOf(group), ...onlyModel(group) };
    const { dependency, state, since } = circuit;
    const before = previous?.dependencies?.find(({ name }) => name === dependency)?.circuit;
    const old =
      unknownSince !== undefined && since !== undefined && Date.parse(since) < unknownSince;
    if (old) return [];
    return circuitEvent(circuit, before, reasonOf(group.seen, state));
  });
  return [
    ...readyEvents(previous?.conditions, next.conditions),
    ...monitoredEvents(previous?.conditions, next.conditions),
    ...scaledByLoadEvents(previous?.conditions, next.conditions),
    ...upgradeEvents(previous?.conditions, next.conditions),
    ...circuits,
    ...changedGates(previous?.dependencies, gatesOf(plan, observation, now)).map(gateEvent),
    ...newIncidents(previous?.security, next.security).map(incidentEvent),
    ...toolEvents(observation, previous, next),
  ];
}

function toolEvents(
  observation: AgentObservation,
  previous: AgentDeploymentStatus | undefined,
  next: AgentDeploymentStatus,
): EventDraft[] {
  const all = next.mcpServers ?? [];
  const withheldBefore = new Set(
    previous?.mcpServers?.filter((one) => one.withheldPods > 0).map(({ name }) => name),
  );
  return [
    ...changedServers(previous?.mcpServers, all, observation).map((change) =>
      event('Warning', 'McpToolsChanged', 'ListTools', describeChange(change)),
    ),
    ...all
      .filter(({ name, withheldPods }) => withheldPods > 0 && !withheldBefore.has(name))
      .map((server) =>
        event('Warning', 'McpToolsWithheld', 'WithholdTools', describeWithheld(server)),
      ),
  ];
}

/** The model, if an endpoint serves several and the circuit of one of them is in the worst state. */
function onlyModel({ seen }: CircuitGroup): Pick<PolicyCircuit, 'model'> {
  const worst = byModel(seen).filter((group) => worstState(group.seen) === worstState(seen));
  const [only, ...others] = worst;
  return only?.model === undefined || others.length > 0 ? {} : { model: only.model };
}

function gateEvent(gate: DependencyGate): EventDraft {
  const note = describeGate(gate);
  return gate.gate === 'None'
    ? event('Normal', 'DependencyAvailable', 'ResumeCalls', note)
    : event('Warning', `Dependency${gate.gate}`, 'HoldCallsBack', note);
}

function incidentEvent(incident: ShownIncident): EventDraft {
  return event('Warning', 'SecurityIncident', 'ReportIncident', describeIncident(incident));
}

function sameCircuit(a: PolicyCircuit, b: PolicyCircuit): boolean {
  return sameDependency(a, b) && a.model === b.model;
}

function sameDependency(a: PolicyCircuit, b: PolicyCircuit): boolean {
  return a.agent === b.agent && a.dependency === b.dependency;
}

/**
 * Whether the circuit opened before its state became unknown, as it does when the operator restarts: the previous
 * status has the transition then, and there was an Event.
 */
function isKnown(
  circuit: PolicyCircuit,
  previous: CircuitBreakerPolicyStatus | undefined,
  next: CircuitBreakerPolicyStatus,
): boolean {
  const before = previous?.circuits?.find((one) => sameCircuit(one, circuit))?.state;
  if (before !== undefined && before !== 'Unknown') return false;
  const last = lastTransition(circuit, next);
  const lastBefore = lastTransition(circuit, previous);
  return last !== undefined && last.time === lastBefore?.time && last.pod === lastBefore.pod;
}

type Transitions = Pick<CircuitBreakerPolicyStatus, 'transitions'>;

/** The last transition of the circuit into its current state. */
function lastTransition(
  { agent, dependency, model, state }: PolicyCircuit,
  status: Transitions | undefined,
): NonNullable<Transitions['transitions']>[number] | undefined {
  return status?.transitions?.find(
    (one) =>
      one.agent === agent &&
      one.dependency === dependency &&
      // A transition from before there were several models names none.
      (one.model === model || one.model === undefined || model === undefined) &&
      one.to === state,
  );
}

function lastReason(circuit: PolicyCircuit, status: Transitions): string | undefined {
  return lastTransition(circuit, status)?.reason;
}

/** Time without any report on the agent's circuits, in ms; undefined if there is one. */
function unknownTime(previous: AgentDeploymentStatus | undefined): number | undefined {
  const healthy = condition(previous?.conditions, 'DependenciesHealthy');
  return healthy?.status === 'Unknown' ? Date.parse(healthy.lastTransitionTime) : undefined;
}

/** A circuit that closes for the first time, or after an unknown state, is no news. */
function circuitEvent(
  of: PolicyCircuit,
  before: WorstState | undefined,
  why: string | undefined,
): EventDraft[] {
  const { agent, state, pods } = of;
  if (state === before) return [];
  const because = why === undefined ? '' : `: ${why}`;
  const circuit = `Circuit ${circuitName(of)} of ${agent}`;
  const unknown = before === undefined || before === 'Unknown';
  if (state === 'Open') {
    return [
      event(
        'Warning',
        'CircuitOpened',
        'OpenCircuit',
        `${circuit} ${before === 'HalfOpen' ? 'opened again' : 'opened'} in ${pods} pods${because}`,
      ),
    ];
  }
  if (unknown || state === 'Unknown') return [];
  if (state === 'HalfOpen') {
    const note = `${circuit} lets probes through in ${pods} pods`;
    return [event('Normal', 'CircuitHalfOpen', 'ProbeCircuit', note)];
  }
  return [
    event('Normal', 'CircuitClosed', 'CloseCircuit', `${circuit} closed in ${pods} pods${because}`),
  ];
}

/** A circuit that was open in some pods is now open in all: the dependency is down, not a pod. */
function spreadEvent(
  circuit: PolicyCircuit,
  before: PolicyCircuit | undefined,
  why: string | undefined,
): EventDraft[] {
  const { agent, state, pods = '' } = circuit;
  const [open, all] = pods.split('/');
  if (state !== 'Open' || before?.state !== 'Open' || open !== all || before.pods === pods)
    return [];
  const [, allBefore] = (before.pods ?? '').split('/');
  if (allBefore !== all) return [];
  const because = why === undefined ? '' : `: ${why}`;
  const note = `Circuit ${circuitName(circuit)} of ${agent} is now open in ${pods} pods${because}`;
  return [event('Warning', 'CircuitOpened', 'OpenCircuit', note)];
}

type Conditions = readonly Condition[] | undefined;
type Named = Omit<EventDraft, 'note'>;

/** An Event for the named status of a condition, if the status or the reason of a reported status changed. */
function conditionEvent(
  previous: Conditions,
  next: Conditions,
  type: string,
  events: Partial<Record<Condition['status'], Named>>,
): EventDraft[] {
  const before = condition(previous, type);
  const after = condition(next, type);
  if (after === undefined || (before?.status === after.status && before.reason === after.reason)) {
    return [];
  }
  const named = events[after.status];
  const begins = before === undefined || before.status === 'Unknown';
  if (named === undefined || (named.type === 'Normal' && begins)) return [];
  return [{ ...named, note: truncate(after.message, MAX_NOTE) }];
}

const ACCEPTED: Record<string, string> = {
  TargetNotFound: 'TargetNotFound',
  StoreNotFound: 'StoreNotFound',
  Conflicted: 'PolicyConflicted',
  Invalid: 'PolicyInvalid',
};

const UNPROGRAMMED: Record<string, string> = {
  Refused: 'ConfigurationRefused',
  UnsupportedByRuntime: 'UnsupportedByRuntime',
};

function policyConditionEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const accepted = condition(next, 'Accepted')?.reason ?? '';
  const programmed = UNPROGRAMMED[condition(next, 'Programmed')?.reason ?? ''];
  const overridden = condition(next, 'Overridden')?.reason;
  return [
    ...conditionEvent(previous, next, 'Accepted', {
      True: { type: 'Normal', reason: 'PolicyAccepted', action: 'AttachPolicy' },
      False: { type: 'Warning', reason: ACCEPTED[accepted] ?? accepted, action: 'AttachPolicy' },
    }),
    ...(overridden === 'PartiallyOverridden'
      ? conditionEvent(previous, next, 'Overridden', {
          True: { type: 'Warning', reason: 'PolicyOverridden', action: 'AttachPolicy' },
        })
      : []),
    ...(programmed === undefined
      ? []
      : conditionEvent(previous, next, 'Programmed', {
          False: { type: 'Warning', reason: programmed, action: 'ProgramPolicy' },
        })),
  ];
}

/** Reasons of Ready=False in normal operation. */
const CALM = new Set(['RollingOut']);

function readyEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const after = condition(next, 'Ready')?.reason ?? '';
  return CALM.has(after)
    ? []
    : conditionEvent(previous, next, 'Ready', {
        True: { type: 'Normal', reason: 'AgentReady', action: 'Reconcile' },
        False: { type: 'Warning', reason: after, action: 'Reconcile' },
      });
}

/** Events only for agents that an upgrade makes worse; the unaffected ones may be hundreds. */
function upgradeEvents(previous: Conditions, next: Conditions): EventDraft[] {
  if (condition(next, 'Progressing')?.reason !== 'UpgradeFailed') return [];
  return conditionEvent(previous, next, 'Progressing', {
    False: { type: 'Warning', reason: 'UpgradeFailed', action: 'Upgrade' },
  });
}

function monitoredEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const after = condition(next, 'Monitored')?.reason ?? '';
  return conditionEvent(previous, next, 'Monitored', {
    True: { type: 'Normal', reason: 'Monitored', action: 'Reconcile' },
    False: { type: 'Warning', reason: `Monitoring${after}`, action: 'Reconcile' },
  });
}

function scaledByLoadEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const after = condition(next, 'ScaledByLoad')?.reason ?? '';
  return conditionEvent(previous, next, 'ScaledByLoad', {
    True: { type: 'Normal', reason: 'ScaledByLoad', action: 'Reconcile' },
    False: { type: 'Warning', reason: `Keda${after}`, action: 'Reconcile' },
  });
}

function event(type: EventDraft['type'], reason: string, action: string, note: string): EventDraft {
  return { type, reason, action, note: truncate(note, MAX_NOTE) };
}
