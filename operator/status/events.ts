import type {
  AgentDeployment,
  AgentDeploymentStatus,
  CircuitBreakerPolicyStatus,
  RateLimitPolicyStatus,
} from '../../crds/generated/types.ts';
import type { Condition } from '../../crds/meta.ts';
import { truncate } from '../desired/common/wording.ts';
import { NO_TARGETS } from '../desired/policies/acceptance.ts';
import { gatesOf, agentCircuits, PODS_BLOCKED, type PlanFacts } from './agent.ts';
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
import { CONTESTED } from './impediments.ts';
import type { AgentObservation } from './observations.ts';
import { STARTING } from './program.ts';
import { describeIncident, newIncidents, type ShownIncident } from './security.ts';

/** An Event on an object. */
export interface EventDraft {
  type: 'Normal' | 'Warning';
  reason: string;
  /** What the operator did or observed, in one word. events.k8s.io/v1 requires it. */
  action: string;
  note: string;
}

/** The API's limit of characters. */
const MAX_NOTE = 1024;

/** Events for the changes between two statuses of a CircuitBreakerPolicy. */
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
 * The circuits to compare with the former status. A model whose circuit has closed no longer has an entry of its own: it gets the
 * state of the entry for all other models. That entry is left out while models get own entries.
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
  const compared = circuits.filter(
    (one) => one.model !== undefined || named(before, one) || !named(circuits, one),
  );
  return [...compared, ...merged];
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

/** The first token of a policy resets nothing. */
function resetEvents(
  previous: CircuitBreakerPolicyStatus | undefined,
  { lastHandledResetToken: token }: CircuitBreakerPolicyStatus,
): EventDraft[] {
  const before = previous?.lastHandledResetToken;
  if (before === undefined || token === undefined || token === before) return [];
  const note = `Every connected pod has closed its circuits for spec.resetToken ${token}.`;
  return [event('Normal', 'CircuitsReset', 'ResetCircuits', note)];
}

/** Events for the changes between two statuses of a RateLimitPolicy. */
export function rateLimitPolicyEvents(
  previous: RateLimitPolicyStatus | undefined,
  next: RateLimitPolicyStatus,
): EventDraft[] {
  const conditions = [
    ...policyConditionEvents(previous?.conditions, next.conditions),
    ...limitOverrideEvents(previous?.conditions, next.conditions),
  ];
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

function limitOverrideEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const after = condition(next, 'LimitsOverridden');
  const [was, is] = [condition(previous, 'LimitsOverridden'), after].map(
    (each) => each?.status === 'True',
  );
  if (was === is || after?.reason === 'NoReports') return [];
  if (is) return [event('Warning', 'LimitsOverridden', 'OverrideLimits', after!.message)];
  const note = 'spec.override has expired or was removed; the limits have their own figures again.';
  return [event('Normal', 'LimitsOverrideEnded', 'OverrideLimits', note)];
}

/** Events for the changes between two statuses of an agent. */
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
    ...contestEvents(previous?.conditions, next.conditions),
    ...rollOutEvents(previous?.conditions, next.conditions),
    ...lackEvents(previous?.conditions, next.conditions),
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
 * Whether an Event has reported the state already: the state was unknown in between, as after a restart of the operator,
 * and the former status has the transition.
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
      // A transition from when there was only one model names none.
      (one.model === model || one.model === undefined || model === undefined) &&
      one.to === state,
  );
}

function lastReason(circuit: PolicyCircuit, status: Transitions): string | undefined {
  return lastTransition(circuit, status)?.reason;
}

/** Since when no pod reports the agent's circuits, in ms; undefined if a pod does. */
function unknownTime(previous: AgentDeploymentStatus | undefined): number | undefined {
  const healthy = condition(previous?.conditions, 'DependenciesHealthy');
  return healthy?.status === 'Unknown' ? Date.parse(healthy.lastTransitionTime) : undefined;
}

/** No Event for a circuit that is closed at first, or after an unknown state. */
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

/** Reports that a circuit is open in all pods, after it was open in some: the dependency is down, not a pod. */
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

/** An Event for a condition whose status or reason changed, if `events` has one for the status. */
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
  ClientsUnknown: 'ClientsUnknown',
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
      True:
        accepted === NO_TARGETS
          ? { type: 'Warning', reason: NO_TARGETS, action: 'AttachPolicy' }
          : { type: 'Normal', reason: 'PolicyAccepted', action: 'AttachPolicy' },
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
    ...policyContestEvents(previous, next),
  ];
}

function policyContestEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const isContested = condition(next, 'Contested') !== undefined;
  if (!isContested && condition(previous, 'Contested') !== undefined) {
    return [contestEnded('Another writer no longer changes the status of the policy.')];
  }
  return conditionEvent(previous, next, 'Contested', {
    True: { type: 'Warning', reason: CONTESTED, action: 'Reconcile' },
  });
}

const contestEnded = (note: string): EventDraft =>
  event('Normal', 'ContestEnded', 'Reconcile', note);

/** Reasons of Ready=False in normal operation, which get no Event. */
const EXPECTED = new Set(['RollingOut']);

function readyEvents(previous: Conditions, next: Conditions): EventDraft[] {
  const after = condition(next, 'Ready')?.reason ?? '';
  if (EXPECTED.has(after)) return [];
  const wrong: Named = { type: 'Warning', reason: after, action: 'Reconcile' };
  const isReady: Named = { type: 'Normal', reason: 'AgentReady', action: 'Reconcile' };
  return conditionEvent(previous, next, 'Ready', {
    True: after === PODS_BLOCKED ? wrong : isReady,
    False: wrong,
  });
}

/** The Event of a rollout that has passed its deadline, also while enough former pods serve. */
function rollOutEvents(previous: Conditions, next: Conditions): EventDraft[] {
  if (condition(next, 'Degraded')?.reason !== 'RollOutFailed') return [];
  // An upgrade that made the agent worse has an Event of its own.
  if (condition(next, 'Progressing')?.reason === 'UpgradeFailed') return [];
  return conditionEvent(previous, next, 'Degraded', {
    True: { type: 'Warning', reason: 'RollOutFailed', action: 'RollOut' },
  });
}

/** Of a Degraded agent, contests are the last reason: those before have Events of their own. */
function contestEvents(previous: Conditions, next: Conditions): EventDraft[] {
  if (condition(next, 'Degraded')?.reason === CONTESTED) {
    return conditionEvent(previous, next, 'Degraded', {
      True: { type: 'Warning', reason: CONTESTED, action: 'Reconcile' },
    });
  }
  if (condition(previous, 'Degraded')?.reason !== CONTESTED) return [];
  return [contestEnded('Another writer no longer changes objects of the agent.')];
}

/** Events only for agents that an upgrade makes worse: the others may be hundreds. */
function upgradeEvents(previous: Conditions, next: Conditions): EventDraft[] {
  if (condition(next, 'Progressing')?.reason !== 'UpgradeFailed') return [];
  return conditionEvent(previous, next, 'Progressing', {
    False: { type: 'Warning', reason: 'UpgradeFailed', action: 'Upgrade' },
  });
}

/** Of conditions that an agent has only while they are False. */
function lackEvents(previous: Conditions, next: Conditions): EventDraft[] {
  return ['ProgramReady', 'AuditDelivered', 'ConversationsReady'].flatMap((type) => {
    const reason = condition(next, type)?.reason ?? '';
    if (reason === STARTING) return [];
    return conditionEvent(previous, next, type, {
      False: { type: 'Warning', reason, action: 'Reconcile' },
    });
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
