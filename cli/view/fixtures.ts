/** Objects of a cluster, for tests. */
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { Condition } from '../../crds/meta.ts';
import type { Pod } from '../../operator/kube/index.ts';
import type { World } from './world.ts';

export const NOW = new Date('2026-11-21T10:00:00.000Z');

/** The time `seconds` before NOW, in RFC 3339. */
export function ago(seconds: number): string {
  return new Date(NOW.getTime() - seconds * 1000).toISOString();
}

export function condition(
  type: string,
  status: Condition['status'],
  reason: string,
  message = `${reason}.`,
  seconds = 240,
): Condition {
  return { type, status, reason, message, lastTransitionTime: ago(seconds) };
}

type Dependency = NonNullable<NonNullable<AgentDeployment['status']>['dependencies']>[number];

/** The conditions, of which `others` replace those of the same type. */
function merged(usual: readonly Condition[], others: readonly Condition[]): Condition[] {
  const types = new Set(others.map(({ type }) => type));
  return [...usual.filter(({ type }) => !types.has(type)), ...others];
}

/** A healthy agent except for these conditions and this dependency. */
export function agent(
  conditions: readonly Condition[] = [],
  dependency: Partial<Dependency> = {},
): AgentDeployment {
  const usual = [
    condition('Ready', 'True', 'Ready', '2/2 pods are ready.'),
    condition('Degraded', 'False', 'AsExpected', 'Nothing is wrong.'),
    condition('DependenciesHealthy', 'True', 'Healthy', 'Every circuit is closed.'),
    condition('PoliciesProgrammed', 'True', 'Programmed', '2/2 policies are in force.'),
  ];
  const policies = [{ kind: 'CircuitBreakerPolicy', name: 'patience' }];
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'AgentDeployment',
    metadata: { name: 'triage', namespace: 'shop', generation: 1 },
    spec: {} as AgentDeployment['spec'],
    status: {
      observedGeneration: 1,
      summary: { ready: '2/2' },
      dependencies: [
        { name: 'model/primary', circuit: 'Closed', gate: 'None', policies, ...dependency },
      ],
      conditions: merged(usual, conditions),
    },
  };
}

/** The agent while it blocks an address and a client. */
export function guarded(): AgentDeployment {
  const { status, ...rest } = agent();
  const security: NonNullable<AgentDeployment['status']>['security'] = {
    ...{ level: 'High', openIncidents: 3, responsesInForce: 3 },
    responses: [
      {
        ...{ action: 'Block', source: '192.0.2.1', pods: 2, since: ago(40), until: ago(-560) },
        ...{ incident: 'i1', type: 'BruteForceAttack', level: 'High' },
      },
      {
        ...{ action: 'Throttle', client: 'alice', pods: 1, since: ago(10) },
        ...{ incident: 'i2', type: 'RateLimitAbuse', level: 'Low' },
      },
    ],
  };
  return { ...rest, status: { ...status, security } };
}

/** The agent while an incident is open. */
export function attacked(): AgentDeployment {
  const { status, ...rest } = agent();
  const incident = {
    ...{ id: 'i1', type: 'BruteForceAttack' as const, level: 'Critical' as const, count: 7 },
    ...{ pod: 'triage-a', since: ago(40), lastSeen: ago(2), source: '192.0.2.1' },
    message: 'Stop the source.',
  };
  const security = { level: 'Critical' as const, openIncidents: 1, open: [incident] };
  return { ...rest, status: { ...status, security } };
}

/** The agent with autoscaling, and this condition. */
export function scaled(found: Condition): AgentDeployment {
  const { spec, ...rest } = agent([found]);
  return { ...rest, spec: { ...spec, autoscaling: {} as typeof spec.autoscaling } };
}

type BreakerStatus = NonNullable<CircuitBreakerPolicy['status']>;

/** A policy in force on the agent except for these conditions. */
export function breaker(
  conditions: readonly Condition[] = [],
  status: Partial<BreakerStatus> = {},
  spec: Partial<CircuitBreakerPolicy['spec']> = {},
): CircuitBreakerPolicy {
  const usual = [
    condition('Accepted', 'True', 'Accepted', 'In force on model/primary of triage.'),
    condition('Programmed', 'True', 'Programmed', '2/2 pods enforce generation 1.'),
    condition('Tripped', 'False', 'Closed', 'Every circuit is closed.'),
  ];
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'CircuitBreakerPolicy',
    metadata: { name: 'patience', namespace: 'shop', generation: 1 },
    spec: {
      targetRefs: [{ name: 'triage' }],
      mode: 'Enforce',
      ...spec,
    } as CircuitBreakerPolicy['spec'],
    status: {
      observedGeneration: 1,
      ...status,
      conditions: merged(usual, conditions),
    },
  };
}

const OVERLOADED = '5 consecutive failures (Overloaded)';

/** The policy with an open circuit in both pods. */
export function openBreaker(
  spec: Partial<CircuitBreakerPolicy['spec']> = {},
): CircuitBreakerPolicy {
  const transition = { agent: 'triage', dependency: 'model/primary' };
  return breaker(
    [condition('Tripped', 'True', 'CircuitOpen', `Calls fail at once: ${OVERLOADED}.`)],
    {
      summary: { reason: OVERLOADED },
      circuits: [
        {
          ...transition,
          state: 'Open',
          pods: '2/2',
          since: ago(40),
          nextProbe: ago(-12),
          lastFailure: { class: 'Overloaded', message: 'answered 529', time: ago(41) },
        },
      ],
      transitions: [
        ...['b', 'a'].map((pod, at) => ({
          ...transition,
          ...{ pod: `triage-${pod}`, from: 'Closed' as const, to: 'Open' as const },
          ...{ time: ago(39 + at), reason: OVERLOADED },
        })),
      ],
    },
    spec,
  );
}

/** A limit in force on the agent's requests except for these conditions. */
export function limit(
  conditions: readonly Condition[] = [],
  status: Partial<NonNullable<RateLimitPolicy['status']>> = {},
): RateLimitPolicy {
  const usual = [
    condition('Accepted', 'True', 'Accepted', 'In force on inbound of triage.'),
    condition('Programmed', 'True', 'Programmed', '2/2 pods enforce generation 1.'),
    condition('Exhausted', 'False', 'Flowing', 'No request is rejected.'),
  ];
  return {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'RateLimitPolicy',
    metadata: { name: 'turnstile', namespace: 'shop', generation: 1 },
    spec: { targetRefs: [{ name: 'triage' }] } as RateLimitPolicy['spec'],
    status: {
      observedGeneration: 1,
      state: 'Flowing',
      limits: [{ name: 'requests', usedPercent: 7, rejected: 3 }],
      pods: { total: 2, limiting: 0 },
      ...status,
      conditions: merged(usual, conditions),
    },
  };
}

export function pod(name: string, ready = true, status: Partial<Pod['status']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels: { 'breakwater.dev/agent': 'triage' } },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: ago(3600) },
      ],
      ...status,
    },
  };
}

export function world(parts: Partial<World> = {}): World {
  return {
    agents: [agent()],
    breakers: [breaker()],
    limits: [limit()],
    pods: [pod('triage-a'), pod('triage-b')],
    ...parts,
  };
}
