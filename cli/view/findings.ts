import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { Condition } from '../../crds/meta.ts';
import { CONTESTED } from '../../operator/status/impediments.ts';
import { describeIncident } from '../../operator/status/security.ts';
import { circuitsOf, type Circuit, type PolicyCircuit } from './circuits.ts';
import { held, type Held } from './held.ts';
import { conditionOf, isFor, type Policy, type World } from './world.ts';

/** Something that is refused or not in force, from the status of an object. */
export interface Finding {
  /** Object with this status, such as CircuitBreakerPolicy triage. */
  by: string;
  what: 'Circuit' | 'Condition' | 'Endpoint' | 'Incident' | 'Response';
  /** bad: requests are refused, or no pod serves them. */
  level: 'bad' | 'warn';
  /** State of a circuit, reason of a condition, LastEndpoint, type of an incident, or Throttled or Blocked. */
  reason: string;
  /** A sentence, or the reason of a circuit's state. */
  message: string;
  /** RFC 3339. */
  since?: string;
  /** Present for a circuit. */
  circuit?: {
    agent: string;
    dependency: string;
    model?: string;
    pods?: string;
    /** RFC 3339. */
    nextProbe?: string;
    lastFailure?: PolicyCircuit['lastFailure'];
    /** An override holds the circuit. */
    overridden?: true;
  };
  /** Present for a response to an incident. */
  held?: Held;
}

type Kind = Policy['kind'];

/** Findings about an agent, the gravest first. */
export function findingsOfAgent(agent: AgentDeployment, world: World): Finding[] {
  return contestedOnce(worstFirst(aboutAgent(agent, world)));
}

function aboutAgent(agent: AgentDeployment, world: World): Finding[] {
  const breakers = world.breakers.filter((policy) => isFor(policy, agent));
  const limits = world.limits.filter((policy) => isFor(policy, agent));
  const policies = [...breakers, ...limits].flatMap(standing);
  const by = `AgentDeployment ${agent.metadata.name}`;
  const programmed =
    policies.length > 0 ? [] : conditionFinding(by, conditionOf(agent, 'PoliciesProgrammed'));
  return [
    ...staleness(agent),
    ...workload(agent),
    ...agentCircuits(agent, world),
    ...lastEndpoints(agent),
    ...gates(agent),
    ...responses(agent),
    ...limits.flatMap(exhausted),
    ...incidents(agent),
    ...policies,
    ...programmed,
    ...besides(agent).flatMap((condition) => conditionFinding(by, condition, true)),
  ];
}

function worstFirst(findings: readonly Finding[]): Finding[] {
  const { bad = [], warn = [] } = Object.groupBy(findings, ({ level }) => level);
  return [...bad, ...warn];
}

/** Another writer of an agent usually contests the agent and all its policies: one cause. */
function contestedOnce(findings: readonly Finding[]): Finding[] {
  const [first, ...others] = findings.filter(({ reason }) => reason === CONTESTED);
  if (first === undefined || others.length === 0) return [...findings];
  const all = { ...first, by: [first, ...others].map(({ by }) => by).join(', ') };
  return findings.flatMap((finding) =>
    finding === first ? [all] : others.includes(finding) ? [] : [finding],
  );
}

/** Findings about a policy: what it rejects, and why it is not in force. */
export function findingsOfPolicy(policy: Policy, world: World): Finding[] {
  const breaker = policy.kind === 'CircuitBreakerPolicy';
  return worstFirst([
    ...staleness(policy),
    ...standing(policy),
    ...(breaker ? policyCircuits(policy, world) : exhausted(policy)),
  ]);
}

/** Conditions in their good state, as sentences. */
export function goodConditions(object: AgentDeployment | Policy): string[] {
  const types: Record<AgentDeployment['kind'] | Kind, string[]> = {
    AgentDeployment: ['Ready', 'DependenciesHealthy', 'PoliciesProgrammed'],
    CircuitBreakerPolicy: ['Accepted', 'Programmed', 'Tripped'],
    RateLimitPolicy: ['Accepted', 'Programmed', 'Exhausted', 'LimitsOverridden'],
  };
  return types[object.kind].flatMap((type) => conditionOf(object, type)?.message ?? []);
}

function staleness({ kind, metadata, status }: AgentDeployment | Policy): Finding[] {
  const observed = status?.observedGeneration ?? 0;
  if (metadata.generation === undefined || observed >= metadata.generation) return [];
  return [
    {
      by: `${kind} ${metadata.name}`,
      what: 'Condition',
      level: 'warn',
      reason: 'NotObserved',
      message: `The operator has not looked at generation ${metadata.generation} yet.`,
    },
  ];
}

function workload(agent: AgentDeployment): Finding[] {
  const by = `AgentDeployment ${agent.metadata.name}`;
  const ready = conditionOf(agent, 'Ready');
  const degraded = conditionOf(agent, 'Degraded');
  if (ready === undefined || ready.status === 'True') {
    return conditionFinding(by, lesserProblem(agent), true);
  }
  // Degraded has the same causes, except a contest.
  const contest = degraded?.reason === CONTESTED ? conditionFinding(by, degraded, true) : [];
  return [...conditionFinding(by, ready, true, 'bad'), ...contest];
}

/** What is wrong with the pods of an agent that serves, if anything is. */
export function lesserProblem(agent: AgentDeployment): Condition | undefined {
  const degraded = conditionOf(agent, 'Degraded');
  if (degraded?.status === 'True') return degraded;
  // Also a ready agent may have pods that cannot be created, scheduled or started.
  const ready = conditionOf(agent, 'Ready');
  if (ready !== undefined && ready.reason !== 'Ready') return ready;
  const progressing = conditionOf(agent, 'Progressing');
  return HOLDS.has(progressing?.reason ?? '') ? progressing : undefined;
}

/** Reasons of Progressing while the agent keeps earlier pods. */
const HOLDS = new Set(['Paused', 'RollingOut', 'UpgradeStopped']);

function agentCircuits(agent: AgentDeployment, world: World): Finding[] {
  return circuitsOf(agent, world)
    .filter(({ state }) => state === 'Open' || state === 'HalfOpen')
    .map((circuit) => circuitFinding(agent, circuit));
}

function circuitFinding(agent: AgentDeployment, circuit: Circuit): Finding {
  const { dependency, model, state, policy, detail = NO_DETAIL, reason } = circuit;
  const isHeld = policy && heldByOverride(policy);
  return {
    by: policy ? `CircuitBreakerPolicy ${policy.metadata.name}` : 'the built-in defaults',
    what: 'Circuit',
    level: state === 'Open' ? 'bad' : 'warn',
    reason: state,
    message: reason ?? '',
    since: detail.since,
    circuit: {
      agent: agent.metadata.name,
      dependency,
      ...(model !== undefined && { model }),
      pods: detail.pods,
      // An override holds the circuit, whatever failed before.
      ...(isHeld ? { overridden: true } : probesOf(state, detail)),
    },
  };
}

const NO_DETAIL: Partial<PolicyCircuit> = {};

function probesOf(
  state: Circuit['state'],
  { nextProbe, lastFailure }: Partial<PolicyCircuit>,
): Pick<Partial<PolicyCircuit>, 'nextProbe' | 'lastFailure'> {
  return { nextProbe: state === 'Open' ? nextProbe : undefined, lastFailure };
}

/** Circuits under the policy, and endpoints that its rules leave in use. */
function policyCircuits(policy: CircuitBreakerPolicy, world: World): Finding[] {
  const { name } = policy.metadata;
  const agents = world.agents.filter((agent) => isFor(policy, agent));
  const circuits = agents.flatMap((agent) => agentCircuits(agent, world));
  return [
    ...circuits.filter(({ by }) => by === `CircuitBreakerPolicy ${name}`),
    ...agents.flatMap((agent) => lastEndpoints(agent, name)),
  ];
}

/** Endpoints that stay in use although calls fail; with `policy`, only those under it. */
function lastEndpoints(agent: AgentDeployment, policy?: string): Finding[] {
  return (agent.status?.dependencies ?? []).flatMap(({ name, servedPercent, policies = [] }) => {
    const isUnder = policy === undefined || policies.some((each) => each.name === policy);
    if (servedPercent === undefined || !isUnder) return [];
    const endpoint = name.replace(/^model\//, '');
    return [
      {
        by: `AgentDeployment ${agent.metadata.name}`,
        what: 'Endpoint' as const,
        level: 'warn' as const,
        reason: 'LastEndpoint',
        message: `${endpoint} serves ${servedPercent} % of its calls; it stays in use because no other endpoint can serve.`,
      },
    ];
  });
}

function heldByOverride(policy: CircuitBreakerPolicy): boolean {
  return conditionOf(policy, 'Tripped')?.reason === 'Override';
}

/** The condition DependenciesHealthy covers circuits, gates, health checks and tools. Circuits have their own findings. */
function gates(agent: AgentDeployment): Finding[] {
  const healthy = conditionOf(agent, 'DependenciesHealthy');
  const dependencies = agent.status?.dependencies ?? [];
  const shut = dependencies.some(({ gate = 'None' }) => gate !== 'None');
  const isAboutCircuits = (healthy?.reason ?? '').startsWith('Circuit');
  if (!shut && (healthy?.status === 'True' || isAboutCircuits)) return [];
  const by = `AgentDeployment ${agent.metadata.name}`;
  return conditionFinding(by, healthy, true, shut ? 'bad' : 'warn');
}

/** Conditions of an agent that serves without something its spec asks for. */
export function besides(agent: AgentDeployment): Condition[] {
  const scaling = conditionOf(agent, 'ScalingManaged');
  const scales = agent.spec.autoscaling === undefined || scaling?.reason === 'Pending';
  const wanted = [
    ...['ProgramReady', 'ScaledByLoad', 'Monitored', 'AuditDelivered', 'ConversationsReady'],
  ].map((type) => conditionOf(agent, type));
  return [scales ? undefined : scaling, ...wanted].filter(
    (one) => one !== undefined && one.status !== 'True' && one.reason !== 'Unknown',
  ) as Condition[];
}

function incidents(agent: AgentDeployment): Finding[] {
  return (agent.status?.security?.open ?? []).map((incident) => ({
    by: `AgentDeployment ${agent.metadata.name}`,
    what: 'Incident',
    level: 'warn',
    reason: incident.type,
    message: describeIncident(incident),
    since: incident.since,
  }));
}

/** Clients that are throttled or blocked for an incident. */
function responses(agent: AgentDeployment): Finding[] {
  return held(agent).map((one) => ({
    by: `spec.security.responses of AgentDeployment ${agent.metadata.name}`,
    what: 'Response',
    level: 'warn',
    reason: one.state,
    message: one.why,
    since: one.since,
    held: one,
  }));
}

function exhausted(policy: RateLimitPolicy): Finding[] {
  const condition = conditionOf(policy, 'Exhausted');
  if (condition?.status !== 'True') return [];
  return conditionFinding(`RateLimitPolicy ${policy.metadata.name}`, condition, true, 'bad');
}

/** Accepted and Programmed if they are not True, and Contested. */
function standing(policy: Policy): Finding[] {
  const by = `${policy.kind} ${policy.metadata.name}`;
  const accepted = conditionOf(policy, 'Accepted');
  const wrong = accepted?.status === 'False' ? accepted : conditionOf(policy, 'Programmed');
  const noTargets = accepted?.reason === 'NoTargets' ? accepted : undefined;
  return [
    ...conditionFinding(by, noTargets, true),
    ...conditionFinding(by, conditionOf(policy, 'Contested'), true),
    ...conditionFinding(by, wrong),
  ];
}

function conditionFinding(
  by: string,
  condition: Condition | undefined,
  always = false,
  level: Finding['level'] = 'warn',
): Finding[] {
  if (condition === undefined || (!always && condition.status !== 'False')) return [];
  const { reason, message, lastTransitionTime } = condition;
  return [{ by, what: 'Condition', level, reason, message, since: lastTransitionTime }];
}
