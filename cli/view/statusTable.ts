import type { AgentDeployment, RateLimitPolicy } from '../../crds/generated/types.ts';
import type { Condition } from '../../crds/meta.ts';
import type { BuiltInCondition, Pod } from '../../operator/kube/index.ts';
import { describeIncident } from '../../operator/status/security.ts';
import { circuitName, circuitsOf, type Circuit } from './circuits.ts';
import { columns, type Level } from './columns.ts';
import { besides, lesserProblem } from './findings.ts';
import { held, type Held } from './held.ts';
import { since, until } from './time.ts';
import {
  byName,
  conditionOf,
  deprecatedFields,
  isFor,
  podsOf,
  withoutAgent,
  type Policy,
  type World,
} from './world.ts';

/** A line of the table. It concerns an agent, or a policy without one. */
export interface StatusRow {
  namespace: string;
  /** Absent for a policy without an agent. */
  agent?: string;
  kind:
    'agent' | 'circuit' | 'gate' | 'incident' | 'held' | 'limit' | 'policy' | 'condition' | 'pod';
  name: string;
  state: string;
  level: Level;
  /** Pods in this state out of all, such as 3/3. */
  pods?: string;
  /** RFC 3339. */
  since?: string;
  /** When calls are tried again or a client is admitted again; RFC 3339. */
  next?: string;
  reason?: string;
}

/**
 * Agents with circuits, shut gates, incidents, blocked clients, limits, policies not in force, and pods; then policies without an
 * agent. Agents and policies in trouble come first.
 */
export function statusRows(world: World): StatusRow[] {
  const groups = [
    ...[...world.agents].sort(byName).map((agent) => agentRows(agent, world)),
    ...withoutAgent(world).map((policy) => policyRows(policy)),
  ];
  const { bad = [], warn = [], ok = [] } = Object.groupBy(groups, worstLevel);
  return [...bad, ...warn, ...ok].flat();
}

function worstLevel(rows: readonly StatusRow[]): Level {
  const levels: readonly Level[] = ['bad', 'warn'];
  return levels.find((level) => rows.some((row) => row.level === level)) ?? 'ok';
}

function agentRows(agent: AgentDeployment, world: World): StatusRow[] {
  const policies: Policy[] = [...world.breakers, ...world.limits].filter((one) =>
    isFor(one, agent),
  );
  const limits = world.limits.filter((one) => isFor(one, agent));
  const rows = [
    agentRow(agent),
    ...circuitsOf(agent, world).map(circuitRow),
    ...gateRows(agent),
    ...incidentRows(agent),
    ...held(agent).map(heldRow),
    ...limits.flatMap(limitRows),
    ...policies.flatMap((policy) => policyRows(policy)),
    ...besides(agent).map((one): Part => ({
      kind: 'condition',
      name: one.type,
      level: 'warn',
      ...told(one),
    })),
    ...podsOf(world, agent).map((pod) => podRow(pod, policies)),
  ];
  const { namespace = '', name } = agent.metadata;
  return rows.map((row) => ({ ...row, namespace, agent: name }));
}

type Part = Omit<StatusRow, 'namespace' | 'agent'>;

function agentRow(agent: AgentDeployment): Part {
  const { metadata, status } = agent;
  const ready = conditionOf(agent, 'Ready');
  const base = { kind: 'agent' as const, name: metadata.name, pods: status?.summary?.ready };
  if (ready === undefined) {
    const reason = 'The operator has not reported on it.';
    return { ...base, state: 'Unknown', level: 'bad', reason };
  }
  const serving = ready.status === 'True';
  const condition = serving ? (lesserProblem(agent) ?? unprogrammed(agent)) : ready;
  if (condition === undefined) {
    return { ...base, level: 'ok', ...told(ready), reason: deprecatedFields(agent)?.message };
  }
  return { ...base, level: serving ? 'warn' : 'bad', ...told(condition) };
}

function unprogrammed(agent: AgentDeployment): Condition | undefined {
  const programmed = conditionOf(agent, 'PoliciesProgrammed');
  return programmed?.status === 'False' ? programmed : undefined;
}

function told({
  reason,
  message,
  lastTransitionTime,
}: Condition): Pick<Part, 'state' | 'since' | 'reason'> {
  return { state: reason, since: lastTransitionTime, reason: message };
}

const CIRCUIT_LEVEL: Record<Circuit['state'], Level> = {
  Closed: 'ok',
  HalfOpen: 'warn',
  Open: 'bad',
  Unknown: 'warn',
};

function circuitRow(circuit: Circuit): Part {
  const { state, detail, shadow, reason } = circuit;
  return {
    kind: 'circuit',
    name: circuitName(circuit),
    state: shadow === undefined ? state : `${state} (shadow: ${shadow})`,
    level: CIRCUIT_LEVEL[state],
    pods: detail?.pods,
    since: detail?.since,
    next: state === 'Open' ? detail?.nextProbe : undefined,
    reason,
  };
}

/** Shut gates. The status has the time only if a gate makes dependencies unhealthy. */
function gateRows(agent: AgentDeployment): Part[] {
  const healthy = conditionOf(agent, 'DependenciesHealthy');
  return (agent.status?.dependencies ?? []).flatMap(({ name, gate = 'None', until: end }) =>
    gate === 'None'
      ? []
      : {
          kind: 'gate' as const,
          name,
          state: gate,
          level: 'bad' as const,
          since: healthy?.reason === gate ? healthy.lastTransitionTime : undefined,
          next: end,
          reason: healthy?.message,
        },
  );
}

function incidentRows({ status }: AgentDeployment): Part[] {
  return (status?.security?.open ?? []).map((incident) => ({
    ...{ kind: 'incident', name: incident.type, state: incident.level, level: 'warn' },
    ...{ since: incident.since, reason: describeIncident(incident) },
  }));
}

function heldRow({ who, state, pods, since: begun, until: end, why }: Held): Part {
  return {
    ...{ kind: 'held', name: who, state, level: 'warn' },
    ...{ pods: String(pods), since: begun, next: end, reason: why },
  };
}

function limitRows({ metadata, status }: RateLimitPolicy): Part[] {
  const exhausted = conditionOf({ status }, 'Exhausted');
  const limiting = status?.state === 'Limiting' && exhausted?.status === 'True';
  const { total = 0, limiting: pods = 0 } = status?.pods ?? {};
  return (status?.limits ?? []).map(({ name, usedPercent, rejected }) => ({
    kind: 'limit',
    name: `${metadata.name}/${name}`,
    state: status?.state ?? 'Unknown',
    level: limiting ? 'bad' : 'ok',
    pods: limiting ? `${pods}/${total}` : undefined,
    since: exhausted?.lastTransitionTime,
    reason:
      limiting || usedPercent === undefined
        ? exhausted?.message
        : `${usedPercent}% used, ${rejected ?? 0} rejected`,
  }));
}

/** Why the policy is not in force in every pod of an agent. */
function shortfall(policy: Policy): Condition | undefined {
  const accepted = conditionOf(policy, 'Accepted');
  if (accepted?.status === 'False' || accepted?.reason === 'NoTargets') return accepted;
  const programmed = conditionOf(policy, 'Programmed');
  return programmed?.status === 'False' ? programmed : undefined;
}

/** A policy that is refused or not in force in every pod, or that has deprecated fields. */
function policyRows(policy: Policy): StatusRow[] {
  const fields = deprecatedFields(policy);
  const found = shortfall(policy) ?? fields;
  if (found === undefined) return [];
  const { namespace = '', name } = policy.metadata;
  return [
    {
      namespace,
      kind: 'policy',
      name: `${policy.kind} ${name}`,
      state: found.reason,
      level: found === fields ? 'ok' : isRefusal(found) ? 'bad' : 'warn',
      pods: policy.status?.summary?.programmed,
      since: found.lastTransitionTime,
      reason: found.message,
    },
  ];
}

function isRefusal({ type, status }: Condition): boolean {
  return type === 'Accepted' && status === 'False';
}

function podRow(pod: Pod, policies: readonly Policy[]): Part {
  const { metadata, status } = pod;
  const base = { kind: 'pod' as const, name: metadata.name };
  if (metadata.deletionTimestamp !== undefined) {
    return { ...base, state: 'Terminating', level: 'ok', since: metadata.deletionTimestamp };
  }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') return { ...base, level: 'warn', ...unready(pod, ready) };
  const behind = policies
    .map((policy) => conditionOf(policy, 'Programmed'))
    // The message of Programmed names the pods.
    .find((one) => one?.status === 'False' && one.message.includes(metadata.name));
  if (behind !== undefined) {
    return { ...base, level: 'warn', ...told(behind), reason: undefined };
  }
  return {
    ...base,
    level: 'ok',
    state: 'Ready',
    since: ready.lastTransitionTime,
    reason: restartsOf(pod),
  };
}

function restartsOf({ status }: Pod): string | undefined {
  const all = containersOf(status);
  const count = all.reduce((sum, { restartCount }) => sum + restartCount, 0);
  return count === 0 ? undefined : `restarts: ${count}`;
}

function unready(
  { metadata, status }: Pod,
  ready: BuiltInCondition | undefined,
): Pick<Part, 'state' | 'since' | 'reason'> {
  const waiting = waitingOf(status);
  return {
    state: waiting.reason ?? status?.phase ?? 'Unknown',
    since: ready?.lastTransitionTime ?? metadata.creationTimestamp,
    reason: waiting.message ?? ready?.message,
  };
}

/** Reason of the first waiting container. */
function waitingOf(status: Pod['status']): { reason?: string; message?: string } {
  return containersOf(status).find(isHeldUp)?.state?.waiting ?? {};
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

/** With a program the runtime is an init container that stays. */
function containersOf(status: Pod['status']): ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Whether the container waits for something else than the ones before it. */
function isHeldUp({ state }: ContainerStatus): boolean {
  const { reason } = state?.waiting ?? {};
  return reason !== undefined && reason !== 'PodInitializing';
}

const HEAD = ['NAMESPACE', 'NAME', 'STATE', 'PODS', 'SINCE', 'NEXT', 'REASON'];
const STATE = 2;

export interface TableOptions {
  now: Date;
  width: number;
  colours: boolean;
  /** Whether to show the namespace. */
  namespaces: boolean;
}

/** The rows as lines of text. */
export function statusTable(rows: readonly StatusRow[], options: TableOptions): string[] {
  const { now, width, colours, namespaces } = options;
  const lines = rows.map((row) => ({
    level: row.level,
    cells: [
      namespaces && !isPart(row) ? row.namespace : '',
      nameOf(row),
      row.state,
      row.pods ?? '',
      since(row.since, now),
      row.next === undefined ? '' : `in ${until(row.next, now)}`,
      row.reason ?? '',
    ],
  }));
  return columns(lines, { head: HEAD, width, ...(colours && { coloured: STATE }) });
}

function isPart({ kind, agent }: StatusRow): boolean {
  return agent !== undefined && kind !== 'agent';
}

function nameOf(row: StatusRow): string {
  if (row.kind === 'agent') return row.name;
  const named = row.kind === 'policy' || row.kind === 'held';
  const text = named ? row.name : `${row.kind} ${row.name}`;
  return isPart(row) ? `  ${text}` : text;
}
