import { PROGRAM_TOOLS } from '../../contract/link.ts';
import type { CircuitStatus } from '../../contract/generated/types.ts';
import type { AgentDeployment, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { maxUnavailable } from '../desired/objects/disruptionBudget.ts';
import type { Problem } from '../desired/common/errors.ts';
import type { AgentPlan, PlannedDependency } from '../desired/plan.ts';
import type { PolicyRef } from '../desired/policies/attachment.ts';
import { isPaused } from '../desired/common/metadata.ts';
import { byText, list, sentences } from '../desired/common/wording.ts';
import { affectedConditions } from './affected.ts';
import { auditDelivery } from './auditDelivery.ts';
import { auditHeads } from './auditHeads.ts';
import { podCircuits, worstState, type PodCircuit } from './circuits.ts';
import { condition, conditions } from './conditions.ts';
import { conversationsReady } from './conversations.ts';
import { deprecatedFieldsCondition } from './deprecated.ts';
import { dependenciesHealthy } from './dependencies.ts';
import { keyExposed } from './exposure.ts';
import { gateOf, type DependencyGate } from './gates.ts';
import { healthChecksOf } from './healthChecks.ts';
import { mcpServersOf } from './mcpServers.ts';
import { contested, failingIdentities, impediments } from './impediments.ts';
import type { AgentObservation } from './observations.ts';
import { programmedCondition, progressOf, summarizeProgress, type Progress } from './programmed.ts';
import {
  blockers,
  obstacles,
  PAUSED,
  progressing,
  rollOutOf,
  type RollOut,
  updatedPods,
} from './rollout.ts';
import { programOf, programReady } from './program.ts';
import { securityOf } from './security.ts';
import { desiredPods, scalingManaged } from './scaling.ts';
import { authPending, waitingPods } from './waiting.ts';

/** The part of an agent's plan that its status needs. */
export type PlanFacts = Pick<
  AgentPlan,
  | 'dependencies'
  | 'policies'
  | 'image'
  | 'endpoint'
  | 'selector'
  | 'problems'
  | 'warnings'
  | 'monitored'
  | 'scaledByLoad'
  | 'upgradeTo'
  | 'upgradeStopped'
  | 'upgradeFailed'
>;

export interface AgentStatusInput {
  agent: AgentDeployment;
  plan: PlanFacts;
  observation: AgentObservation;
  /** The agent's current status. */
  previous: AgentDeploymentStatus | undefined;
  now: Date;
}

type AgentDependency = NonNullable<AgentDeploymentStatus['dependencies']>[number];

/** The status of an agent, from its Deployment and the reports of its pods. */
export function agentStatus(input: AgentStatusInput): AgentDeploymentStatus {
  const { agent, plan, observation, previous, now } = input;
  const { metadata } = agent;
  const { deployment } = observation;
  const seen = agentCircuits(agent, plan, observation);
  const gates = gatesOf(plan, observation, now);
  const checks = healthChecksOf(agent, observation);
  const servers = mcpServersOf(agent, observation, previous);
  const policies = plan.policies.map((policy) => ({
    policy,
    progress: progressOf(observation, policy),
  }));
  const exposed = keyExposed(agent);
  const desired = desiredPods(agent, observation);
  const program = programOf(agent, observation, desired);
  const drafts = [
    ...workloadConditions(input),
    policiesProgrammed(policies),
    dependenciesHealthy(seen, gates, checks, servers),
    scalingManaged(agent, observation),
    ...programReady(agent, observation, desired),
    ...auditDelivery(agent, observation),
    ...conversationsReady(agent),
    ...affectedConditions(plan.policies),
    ...[plan.monitored, plan.scaledByLoad, exposed].filter((condition) => condition !== undefined),
    ...deprecatedFieldsCondition(agent),
  ];
  return {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    configuration: published(observation),
    ...replicasOf(deployment),
    selector: plan.selector,
    image: plan.image,
    endpoint: plan.endpoint,
    summary: {
      ...podFigures(agent, observation),
      state: worstReason(drafts),
      ...(program.program && { program: program.program.ready }),
      circuits: closedCircuits(seen),
      policies: `${policies.filter(({ progress }) => isEverywhere(progress)).length}/${policies.length}`,
    },
    dependencies: dependencyStatuses(plan, seen, gates),
    ...(checks.length > 0 && { healthChecks: checks }),
    ...(servers.length > 0 && { mcpServers: servers }),
    ...program,
    ...auditHeads(observation, previous?.audit, now),
    ...securityOf(observation, previous?.security),
    conditions: conditions(drafts, previous?.conditions, metadata.generation, now),
  };
}

/** Conditions whose failure leaves an agent ready. */
const LESSER = new Set([
  'ProgramReady',
  'DependenciesHealthy',
  'AuditDelivered',
  'ConversationsReady',
]);

/** The reason of the gravest condition: why the agent is not ready, what is wrong with its pods, or with a dependency. */
function worstReason(drafts: readonly ConditionDraft[]): string {
  const wrong = drafts.find(
    ({ type, status }) =>
      (type === 'Ready' && status !== 'True') ||
      (type === 'Degraded' && status === 'True') ||
      (LESSER.has(type) && status === 'False'),
  );
  return (wrong ?? condition(drafts, 'Ready'))!.reason;
}

function replicasOf(
  deployment: AgentObservation['deployment'],
): Pick<AgentDeploymentStatus, 'replicas' | 'readyReplicas'> {
  const { replicas = 0, readyReplicas = 0 } = deployment ?? {};
  return { replicas, readyReplicas };
}

function podFigures(
  agent: AgentDeployment,
  observation: AgentObservation,
): Pick<NonNullable<AgentDeploymentStatus['summary']>, 'ready' | 'updated'> {
  const desired = desiredPods(agent, observation);
  const ready = observation.deployment?.readyReplicas ?? 0;
  return { ready: `${ready}/${desired}`, updated: updatedPods(observation, desired) };
}

/** At most 64, as in the schema. */
function dependencyStatuses(
  plan: PlanFacts,
  seen: readonly PodCircuit[],
  gates: ReturnType<typeof gatesOf>,
): AgentDependency[] {
  return withTools(plan, seen)
    .slice(0, 64)
    .map((dependency) => ({
      name: dependency.name,
      circuit: worstState(seen.filter((one) => one.dependency === dependency.name)),
      ...shownGate(gates.find((one) => one.dependency === dependency.name)),
      ...leastServed(seen.filter((one) => one.dependency === dependency.name)),
      policies: policiesOn(dependency),
    }));
}

/** The plan's dependencies, with the tools that programs offer in place of PROGRAM_TOOLS. */
function withTools({ dependencies }: PlanFacts, seen: readonly PodCircuit[]): PlannedDependency[] {
  const known = new Set(dependencies.map(({ name }) => name));
  const offered = [...new Set(seen.map(({ dependency }) => dependency))].filter(
    (name) => !known.has(name),
  );
  return dependencies.flatMap((dependency) =>
    dependency.name === PROGRAM_TOOLS
      ? offered.sort(byText).map((name) => ({ ...dependency, name }))
      : [dependency],
  );
}

function published({
  desiredHash,
  revision,
}: AgentObservation): NonNullable<AgentDeploymentStatus['configuration']> {
  return {
    ...(revision && { revision: `${revision.term}-${revision.counter}` }),
    ...(desiredHash !== undefined && { hash: desiredHash }),
  };
}

/**
 * The circuits of the agent's dependencies in its live pods, under any policy. A circuit in shadow mode counts as closed,
 * because it rejects nothing.
 */
export function agentCircuits(
  { metadata }: AgentDeployment,
  { dependencies }: Pick<PlanFacts, 'dependencies'>,
  observation: AgentObservation,
): PodCircuit[] {
  const sections = dependencies.map(({ name }) => ({ agent: metadata.name, section: name }));
  return podCircuits(sections, new Map([[metadata.name, observation]])).map((one) =>
    one.circuit?.shadow === true ? { ...one, circuit: asClosed(one.circuit) } : one,
  );
}

function asClosed({ dependency, model, since, policy }: CircuitStatus): CircuitStatus {
  return {
    dependency,
    ...(model !== undefined && { model }),
    since,
    ...(policy !== undefined && { policy }),
    state: 'Closed',
  };
}

/** The gates of the agent's dependencies that pods report. */
export function gatesOf(
  { dependencies }: Pick<PlanFacts, 'dependencies'>,
  observation: AgentObservation,
  now: Date,
): DependencyGate[] {
  return dependencies
    .map(({ name }) => gateOf(name, observation, now))
    .filter((gate) => gate !== undefined);
}

function shownGate(gate: DependencyGate | undefined): Pick<AgentDependency, 'gate' | 'until'> {
  if (gate === undefined) return {};
  return { gate: gate.gate, ...(gate.until !== undefined && { until: gate.until }) };
}

function leastServed(seen: readonly PodCircuit[]): Pick<AgentDependency, 'servedPercent'> {
  const shares = seen.flatMap(({ circuit }) => circuit?.servedPercent ?? []);
  return shares.length === 0 ? {} : { servedPercent: Math.min(...shares) };
}

function closedCircuits(seen: readonly PodCircuit[]): string {
  const reported = seen.filter(({ circuit }) => circuit !== undefined);
  const ofPods = Map.groupBy(reported, ({ pod, dependency }) => `${pod.uid}/${dependency}`);
  const closed = [...ofPods.values()].filter((models) => worstState(models) === 'Closed');
  return `${closed.length}/${ofPods.size}`;
}

function isEverywhere(progress: readonly Progress[]): boolean {
  return progress.every(({ state }) => state === 'Programmed');
}

function policiesOn({ breaker, limit }: PlannedDependency): AgentDependency['policies'] {
  return [
    {
      kind: 'CircuitBreakerPolicy',
      ...(breaker === undefined ? { source: 'Default' as const } : { name: breaker }),
    },
    ...(limit === undefined ? [] : [{ kind: 'RateLimitPolicy', name: limit }]),
  ];
}

/** Reason of Ready, also if it is True: some pods cannot be created, scheduled or started. */
export const PODS_BLOCKED = 'PodsBlocked';

/** Ready, Progressing and Degraded. Open circuits do not affect them. */
function workloadConditions({ agent, plan, observation }: AgentStatusInput): ConditionDraft[] {
  const desired = desiredPods(agent, observation);
  const rollOut = rollOutOf(observation, desired);
  const found = impediments(agent, plan.problems, observation);
  const shortage = shortageOf(agent, observation, desired, rollOut);
  return [
    readiness(observation, desired, [
      ...found,
      ...authPending(observation, rollOut),
      ...(shortage ? [shortage] : []),
    ]),
    isPaused(agent) ? PAUSED : progressing(withWaiting(rollOut, observation), plan),
    degraded(observation, desired, rollOut, [
      ...found,
      ...plan.warnings,
      ...contested(observation),
      ...failingIdentities(agent, observation),
    ]),
  ];
}

/** The rollout with what holds it. */
function withWaiting({ state, message }: RollOut, observation: AgentObservation): RollOut {
  const held = state === 'Complete' ? '' : obstacles(observation);
  const why = [...(held === '' ? [] : [held]), ...waitingPods(observation)];
  return { state, message: sentences([message, ...why]) };
}

/**
 * Undefined if enough pods are ready: disruption.maxUnavailable pods may be missing, but not all. The drain of a node must
 * not make the agent unready.
 */
function shortageOf(
  agent: AgentDeployment,
  observation: AgentObservation,
  desired: number,
  rollOut: RollOut,
): Problem | undefined {
  const { metadata } = agent;
  const ready = observation.deployment?.readyReplicas ?? 0;
  const needed = Math.max(Math.min(1, desired), desired - maxUnavailable(agent, desired));
  if (observation.deployment !== undefined && ready >= needed) return undefined;
  const share = `${ready}/${desired} pods are ready, ${needed} are needed.`;
  const why = [
    ...[share, rollOut.message, obstacles(observation)].filter((text) => text !== ''),
    ...waitingPods(observation),
  ];
  if (rollOut.state === 'RollingOut') {
    const reason = blockers(observation) === '' ? 'RollingOut' : PODS_BLOCKED;
    return { reason, message: why.join(' ') };
  }
  const look = `Look at kubectl describe pods --namespace ${metadata.namespace} --selector breakwater.dev/agent=${metadata.name}.`;
  return { reason: 'NotEnoughReadyPods', message: [...why, look].join(' ') };
}

function readiness(
  observation: AgentObservation,
  desired: number,
  against: readonly Problem[],
): ConditionDraft {
  const [first] = against;
  if (first === undefined) {
    const ready = `${observation.deployment?.readyReplicas ?? 0}/${desired} pods are ready.`;
    const blocked = blockers(observation);
    const reason = blocked === '' ? 'Ready' : PODS_BLOCKED;
    const message = sentences(blocked === '' ? [ready] : [ready, blocked]);
    return { type: 'Ready', status: 'True', reason, message };
  }
  const message = sentences(against.map((problem) => problem.message));
  return { type: 'Ready', status: 'False', reason: first.reason, message };
}

function degraded(
  { deployment }: AgentObservation,
  desired: number,
  rollOut: RollOut,
  found: readonly Problem[],
): ConditionDraft {
  const noPods = desired > 0 && (deployment?.readyReplicas ?? 0) === 0;
  const all = [
    ...found,
    ...(rollOut.state === 'Failed' ? [{ reason: 'RollOutFailed', message: rollOut.message }] : []),
    ...(noPods && rollOut.state !== 'RollingOut'
      ? [{ reason: 'NoReadyPods', message: 'No pod is ready; the agent answers no requests.' }]
      : []),
  ];
  const [first] = all;
  if (first === undefined) {
    const message =
      rollOut.state === 'RollingOut'
        ? 'Nothing is wrong so far; the condition Progressing says what the rollout waits for.'
        : 'Nothing is wrong.';
    return { type: 'Degraded', status: 'False', reason: 'AsExpected', message };
  }
  const message = sentences(all.map((problem) => problem.message));
  return { type: 'Degraded', status: 'True', reason: first.reason, message };
}

/** Combines the Programmed conditions of the agent's policies. The worst reason counts. */
function policiesProgrammed(
  policies: readonly { policy: PolicyRef; progress: Progress[] }[],
): ConditionDraft {
  const type = 'PoliciesProgrammed';
  if (policies.length === 0) {
    const message = 'No policy is attached; circuits follow the built-in defaults.';
    return { type, status: 'True', reason: 'NoPolicies', message };
  }
  const behind = policies
    .map(({ policy, progress }) => ({
      policy,
      draft: programmedCondition(summarizeProgress(progress), policy.name),
    }))
    .filter(({ draft }) => draft.status === 'False');
  const worst = ['Refused', 'UnsupportedByRuntime', 'Pending']
    .map((reason) => behind.find(({ draft }) => draft.reason === reason))
    .find((found) => found !== undefined);
  if (worst !== undefined) {
    const names = list(behind.map(({ policy }) => `${policy.kind} ${policy.name}`));
    const message = `Not in force in every pod: ${names}. ${worst.draft.message}`;
    return { type, status: 'False', reason: worst.draft.reason, message };
  }
  const total = policies[0]!.progress.length;
  return {
    type,
    status: 'True',
    reason: total === 0 ? 'NoPods' : 'Programmed',
    message: `${policies.length}/${policies.length} policies are in force in ${total}/${total} pods.`,
  };
}
