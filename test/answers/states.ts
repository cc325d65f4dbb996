/** States in which people on call ask for a cause, as the operator observes them, and the cause that each answer must name. */
import type { Snapshot } from '../../contract/generated/types.ts';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type {
  AgentObservation,
  PodObservation,
  ProgramObservation,
} from '../../operator/status/observations.ts';
import {
  agentFixture,
  breakerFixture,
  endpoint,
  limitFixture,
  modelOf,
  selector,
  target,
} from '../../operator/testing/fixtures.ts';
import {
  ago,
  circuit,
  deployment,
  limit,
  observation,
  pod,
  strangePod,
  transition,
} from '../../operator/testing/observations.ts';

export interface State {
  title: string;
  agent?: AgentDeployment;
  breakers?: CircuitBreakerPolicy[];
  limits?: RateLimitPolicy[];

  seen: AgentObservation;
  /** The name of the policy that `why` explains; absent: the agent. */
  about?: string;
  /** What `why` says. */
  cause: string;
  /** STATE of `kubectl get agd`, or REASON of the policy. */
  get: string;
  /** Reason of the Event; absent: there is none. */
  event?: string;
  /** Part of the line of `status`; absent: the cause. */
  status?: string;
}

const agent = (spec: Partial<AgentDeployment['spec']> = {}): AgentDeployment =>
  agentFixture('triage', { replicas: 2, ...spec });

const complete = deployment({ desired: 2, replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
const rolling = deployment({
  ...{ desired: 2, replicas: 3, readyReplicas: 2, updatedReplicas: 1 },
  conditions: [],
});

/** Two pods that serve. */
const both = (
  report: Parameters<typeof pod>[1] = {},
  rest: Partial<AgentObservation> = {},
): AgentObservation =>
  observation([pod('triage-a', report), pod('triage-b', report)], {
    deployment: complete,
    ...rest,
  });

/** Two pods that serve, and a new one that does not. */
const withNew = (
  rest: Partial<PodObservation>,
  seen: Partial<AgentObservation> = {},
): AgentObservation =>
  observation(
    [pod('triage-a'), pod('triage-b'), { ...strangePod('triage-c'), ready: false, ...rest }],
    { deployment: rolling, ...seen },
  );

const gates = (gate: 'Unauthorized' | 'SpendLimit') => ({
  gates: [{ dependency: 'model/primary', gate }],
});

const withProgram = agent({
  program: { image: 'example.com/orders:1', port: 8000, resources: {} },
});
const serving: NonNullable<Snapshot['program']> = { state: 'Serving', since: ago(900) };

/** Two pods whose program serves, one of them with other facts. */
const oneProgram = (
  program: Partial<ProgramObservation>,
  report: Partial<NonNullable<Snapshot['program']>> = {},
  rest: Partial<PodObservation> = {},
): AgentObservation => {
  const features = ['Dependency.program'];
  const circuits = [circuit(), circuit('Closed', { dependency: 'program' })];
  const good: ProgramObservation = { ready: true, restarts: 0 };
  const ready = program.ready ?? true;
  return observation(
    [
      pod('triage-a', { circuits, program: serving }, { features, program: good }),
      pod(
        'triage-b',
        { circuits, program: { ...serving, ...report } },
        { features, ready, program: { ...good, ...program }, ...rest },
      ),
    ],
    { deployment: deployment({ ...complete, readyReplicas: ready ? 2 : 1 }) },
  );
};

const crashed = { exitCode: 1, reason: 'Error', error: 'TypeError at orders.js:12', at: ago(20) };

const OVERLOADED = '5 consecutive failures (Overloaded)';

/** What each pod of two reports after `close --reason`, while the policy no longer has an override. */
const onceHeld = circuit('Closed', { reason: 'override: provider maintenance' });

export const HEALTHY: AgentObservation = both();

export const STATES: readonly State[] = [
  {
    title: 'A new pod has no node',
    seen: withNew({ unscheduled: "0/3 nodes didn't match Pod's node affinity/selector" }),
    ...{ get: 'PodsBlocked', event: 'PodsBlocked' },
    cause: "Pod triage-c has no node: 0/3 nodes didn't match Pod's node affinity/selector.",
  },
  {
    title: 'A new pod waits for a volume',
    seen: withNew({ unscheduled: 'persistentvolumeclaim "cache" not found' }),
    ...{ get: 'PodsBlocked', event: 'PodsBlocked' },
    cause: 'Pod triage-c has no node: persistentvolumeclaim "cache" not found.',
  },
  {
    title: 'A quota allows one pod of two',
    seen: observation([pod('triage-a')], {
      deployment: deployment({
        ...{ desired: 2, replicas: 1, readyReplicas: 1, updatedReplicas: 1 },
        conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: pods' }],
      }),
    }),
    ...{ get: 'PodsBlocked', event: 'PodsBlocked' },
    cause: 'Pods cannot be created: exceeded quota: pods.',
  },
  {
    title: 'An image cannot be pulled during a rollout',
    seen: withNew({
      waiting: { container: 'agent', reason: 'ImagePullBackOff', message: 'no such tag' },
    }),
    ...{ get: 'PodsBlocked', event: 'PodsBlocked' },
    cause: 'Pod triage-c, container agent: ImagePullBackOff: no such tag.',
  },
  {
    title: 'A rollout waits, and its deadline has not passed',
    seen: withNew({}),
    get: 'Ready',
    cause: '1/2 pods run the present template. Not ready: triage-c.',
  },
  {
    title: 'A rollout has passed its deadline',
    seen: withNew(
      {},
      {
        deployment: {
          ...rolling,
          conditions: [
            {
              ...{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' },
              message: 'ReplicaSet has timed out progressing',
            },
          ],
        },
      },
    ),
    ...{ get: 'RollOutFailed', event: 'RollOutFailed' },
    cause: 'The rollout makes no progress: ReplicaSet has timed out progressing.',
  },
  {
    title: 'The provider refuses the key',
    seen: both(gates('Unauthorized')),
    ...{ get: 'Unauthorized', event: 'DependencyUnauthorized' },
    cause: 'The provider refuses the API key for model/primary in 2/2 pods',
  },
  {
    title: "The provider's budget is spent",
    seen: both(gates('SpendLimit')),
    ...{ get: 'SpendLimit', event: 'DependencySpendLimit' },
    cause: "The provider's spend limit holds calls to model/primary back in 2/2 pods",
  },
  {
    title: 'A circuit is open',
    breakers: [breakerFixture()],
    seen: both({
      circuits: [circuit('Open', { reason: OVERLOADED, nextProbe: ago(-12) })],
      transitions: [transition(1, 100, { reason: OVERLOADED })],
    }),
    ...{ get: 'CircuitOpen', event: 'CircuitOpened' },
    cause: `is open, so that calls fail at once, since 09:58:20 UTC (100s) by CircuitBreakerPolicy triage: ${OVERLOADED}.`,
    status: OVERLOADED,
  },
  {
    title: 'An override holds a circuit open, and its reason was edited',
    breakers: [
      breakerFixture('triage', {
        override: { state: 'Open', reason: 'the second', expiresAt: ago(-600) },
      }),
    ],
    seen: both({
      circuits: [circuit('Open', { reason: 'override: the first', overridden: 'Open' })],
    }),
    about: 'triage',
    ...{ get: 'override: the second', event: 'CircuitOverridden' },
    cause: 'spec.override (the second) holds circuits open until',
  },
  {
    title: 'An override that held a circuit closed has ended',
    breakers: [breakerFixture()],
    seen: both({ circuits: [onceHeld] }),
    about: 'triage',
    ...{ get: '', status: '' },
    cause: 'nothing is refused',
  },
  {
    title: 'A limit is used up',
    limits: [limitFixture()],
    seen: both({ limits: [limit({ usedPercent: 100, rejected: 9, limiting: true })] }),
    about: 'triage',
    ...{ get: 'requests used up', event: 'RateLimitExhausted' },
    cause: 'RateLimitPolicy triage says Limiting since',
    status: 'requests is used up',
  },
  {
    title: 'A selector matches no agent',
    breakers: [breakerFixture('patience', { targetSelectors: [selector({ tier: 'gold' })] })],
    seen: HEALTHY,
    about: 'patience',
    ...{ get: 'NoTargets', event: 'NoTargets' },
    cause: 'CircuitBreakerPolicy patience says NoTargets since',
    status: 'NoTargets',
  },
  {
    title: 'Two policies claim the same target',
    breakers: [
      breakerFixture('narrow', { targetRefs: [target('triage/model/primary')] }),
      breakerFixture('wide', { targetRefs: [target('triage')] }),
    ],
    seen: HEALTHY,
    about: 'wide',
    ...{ get: 'Conflicted', event: 'PolicyConflicted' },
    cause: 'CircuitBreakerPolicy wide says Conflicted since',
    status: 'Conflicted',
  },
  {
    title: 'Two installations of Breakwater write the same agent',
    seen: both(
      {},
      {
        contests: ['Deployment', 'Service', 'ConfigMap'].map((kind) => ({
          ...{ kind, name: 'triage', fields: ['.spec'] },
        })),
      },
    ),
    ...{ get: 'ObjectContested', event: 'ObjectContested' },
    cause:
      'Another writer changes .spec of Deployment triage, .spec of Service triage and .spec of ConfigMap triage again and again',
  },
  {
    title: 'A Secret is missing',
    seen: both({
      missingCredentials: [{ dependency: 'model/primary', secret: 'anthropic', key: 'api-key' }],
    }),
    ...{ get: 'SecretNotFound', event: 'SecretNotFound' },
    cause: 'Key api-key of Secret anthropic, the API key of model/primary, is missing in 2/2',
  },
  {
    title: 'A Secret exists, and a pod is older than its mount',
    seen: observation(
      [
        pod('triage-a', {
          missingCredentials: [
            { dependency: 'model/primary', secret: 'anthropic', key: 'api-key' },
          ],
          configuration: { hash: 'sha256:now', unsupported: [], waiting: ['endpoints'] },
        }),
        pod('triage-b'),
      ],
      { deployment: rolling },
    ),
    get: 'Ready',
    cause: '1 of 2 pods wait for the rollout: they lack mounts for this configuration',
  },
  {
    title: 'The operator has no link to a pod',
    breakers: [breakerFixture()],
    seen: observation([pod('triage-a'), strangePod('triage-b', { linkError: 'timeout' })], {
      deployment: complete,
    }),
    get: 'Ready',
    cause: 'CircuitBreakerPolicy triage says Pending since',
    status: 'triage-b',
  },
  {
    title: 'The collector does not take the audit',
    agent: agent({ audit: { required: false } as AgentDeployment['spec']['audit'] }),
    seen: both({
      audit: { chain: 'c', sequence: 7, hash: 'a'.repeat(64), undelivered: ['otlp'] },
    }),
    ...{ get: 'AuditUndelivered', event: 'AuditUndelivered' },
    cause: 'Audit events of 2/2 pods do not reach otlp.',
  },
  {
    title: 'The spec has a system prompt and no model',
    agent: agent({ systemPrompt: 'Be brief.', model: modelOf(endpoint('primary')) }),
    seen: both(),
    ...{ get: 'ModelNotSet', event: 'ModelNotSet' },
    cause: 'spec.systemPrompt is for conversations, and they cannot begin: no endpoint',
  },
  {
    title: 'A program crashes again and again',
    agent: withProgram,
    seen: oneProgram(
      { ready: false, restarts: 4, lastEnd: crashed },
      { state: 'Starting' },
      {
        waiting: {
          ...{ container: 'program', reason: 'CrashLoopBackOff' },
          message: 'back-off 40s restarting failed container=program',
        },
      },
    ),
    ...{ get: 'ProgramCrashed', event: 'ProgramCrashed' },
    cause:
      'Pod triage-b: the program ended with exit code 1 (Error, TypeError at orders.js:12), and was restarted 4 times',
    status: 'CrashLoopBackOff',
  },
  {
    title: 'A program takes too much memory',
    agent: withProgram,
    seen: oneProgram(
      {
        ...{ ready: false, restarts: 1 },
        lastEnd: { exitCode: 137, reason: 'OOMKilled', at: ago(20) },
      },
      { state: 'Starting' },
    ),
    ...{ get: 'ProgramOutOfMemory', event: 'ProgramOutOfMemory' },
    cause:
      'Pod triage-b: the program took more memory than its limit and was killed, and was restarted 1 time; raise spec.program.resources.limits.memory',
  },
  {
    title: 'The image of a program does not exist',
    agent: withProgram,
    seen: oneProgram(
      { ready: false },
      { state: 'Starting' },
      { waiting: { container: 'program', reason: 'ImagePullBackOff', message: 'no such tag' } },
    ),
    ...{ get: 'ProgramImage', event: 'ProgramImage' },
    cause: 'Pod triage-b: the image of the program cannot be run (ImagePullBackOff: no such tag)',
    status: 'no such tag',
  },
  {
    title: 'A program does not answer',
    agent: withProgram,
    seen: oneProgram({ ready: false }, { state: 'Silent', since: ago(30) }),
    ...{ get: 'ProgramSilent', event: 'ProgramSilent' },
    cause: 'Pod triage-b: the program does not answer; it is restarted after a minute of silence',
  },
  {
    title: 'A program listens on all addresses',
    agent: withProgram,
    seen: oneProgram({}, { exposed: true }),
    ...{ get: 'ProgramExposed', event: 'ProgramExposed' },
    cause: 'Pod triage-b: the program listens on an address of the pod',
  },
  {
    title: 'A program has taken a port of the runtime',
    agent: withProgram,
    seen: oneProgram({ ready: false }, { portTaken: 8080 }),
    ...{ get: 'PortTaken', event: 'PortTaken' },
    cause: "Pod triage-b: the program listens on port 8080, which is the runtime's",
  },
  {
    title: 'A runtime is too old for a program',
    agent: withProgram,
    seen: oneProgram({ ready: false }, {}, { features: ['Dependency.tool'] }),
    ...{ get: 'UnsupportedByRuntime', event: 'UnsupportedByRuntime' },
    cause: 'Pod triage-b: the runtime is too old for a program; roll out a newer image',
  },
  {
    title: 'KEDA is not installed',
    agent: agent({
      autoscaling: {
        ...{ minReplicas: 2, maxReplicas: 5, inFlight: { target: 10 } },
      } as AgentDeployment['spec']['autoscaling'],
    }),
    seen: both({}, { autoscaler: { conditions: [{ type: 'ScalingActive', status: 'True' }] } }),
    get: 'Ready',
    event: 'KedaNotInstalled',
    cause: 'spec.autoscaling.inFlight needs ScaledObject of keda.sh/v1alpha1',
  },
  {
    title: 'Autoscaling has no metrics',
    agent: agent({
      autoscaling: { minReplicas: 2, maxReplicas: 5 } as AgentDeployment['spec']['autoscaling'],
    }),
    seen: both(
      {},
      {
        autoscaler: {
          conditions: [
            {
              ...{ type: 'ScalingActive', status: 'False', reason: 'FailedGetResourceMetric' },
              message: 'no metrics returned from resource metrics API',
            },
          ],
        },
      },
    ),
    get: 'Ready',
    cause: 'The HorizontalPodAutoscaler does not scale: no metrics returned',
  },
  {
    title: 'An incident is open',
    seen: observation(
      [
        pod('triage-a', {
          security: {
            ...{ open: 1, counts: [{ type: 'BruteForceAttack', count: 1 }] },
            incidents: [
              {
                ...{ id: 'i1', type: 'BruteForceAttack', level: 'Critical', count: 7 },
                ...{ since: ago(40), lastSeen: ago(2), source: '192.0.2.1' },
                message: 'Stop the source.',
              },
            ],
          },
        }),
        pod('triage-b'),
      ],
      { deployment: complete },
    ),
    ...{ get: 'Ready', event: 'SecurityIncident' },
    cause: 'Critical threat: BruteForceAttack from 192.0.2.1',
  },
];
