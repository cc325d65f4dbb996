import { describe, expect, it } from '@jest/globals';
import type { AgentDeploymentSpec } from '../../crds/generated/types.ts';
import { attach } from './policies/attach.ts';
import type { AgentAttachment } from './policies/attachment.ts';
import {
  agentFixture,
  breakerFixture,
  endpoint,
  limitFixture,
  modelOf,
  OPTIONS,
  target,
} from '../testing/fixtures.ts';
import type { PodTemplate } from './objects/objects.ts';
import { planAgent, podChange, type AgentPlan } from './plan.ts';

const nothing = { circuits: new Map(), limits: new Map() } as unknown as AgentAttachment;
const plan = (
  spec: Partial<AgentDeploymentSpec> = {},
  attachment: AgentAttachment = nothing,
  options = OPTIONS,
): AgentPlan => planAgent({ agent: agentFixture('triage', spec), attachment, options });
const template = (...args: Parameters<typeof plan>): PodTemplate =>
  plan(...args).deployment!.spec.template;

const attached = attach(
  {
    breakers: [breakerFixture('strict')],
    limits: [
      limitFixture('taken'),
      limitFixture('called', { targetRefs: [target('triage/model/primary')] }),
    ],
  },
  [agentFixture()],
).agents.get('triage')!;

const model = (rest: Parameters<typeof endpoint>[1]): Partial<AgentDeploymentSpec> => ({
  model: modelOf(
    endpoint('primary', {
      model: 'claude-sonnet-4-5',
      apiKeySecretRef: { name: 'anthropic', key: 'api-key' },
      ...rest,
    }),
  ),
});

const { spec } = agentFixture();
const AUTOSCALING = { minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 80 };

/**
 * Whether the change does not concern the pods, so that their configuration stays the same too. The largest number of
 * pods does concern them, because they share the provider's limits.
 */
const isForChildrenOnly = (change: Partial<AgentDeploymentSpec>): boolean =>
  ['service', 'disruption', 'networkPolicy'].some((field) => field in change);

describe('planAgent', () => {
  it('contains the dependencies of the agent and the policies in force', () => {
    expect(plan({}, attached)).toMatchObject({
      dependencies: [{ name: 'model/primary', breaker: 'strict', limit: 'called' }],
      policies: [
        { kind: 'CircuitBreakerPolicy', name: 'strict' },
        { kind: 'RateLimitPolicy', name: 'called' },
        { kind: 'RateLimitPolicy', name: 'taken' },
      ],
      image: OPTIONS.runtimeImage,
      endpoint: 'http://triage.support.svc',
      selector: 'app.kubernetes.io/name=breakwater-agent,breakwater.dev/agent=triage',
      problems: [],
    });
  });

  it.each<[string, Partial<AgentDeploymentSpec>, AgentAttachment]>([
    ['policies', {}, attached],
    ['replicas', { replicas: 7 }, nothing],
    ['the model', model({ model: 'claude-opus-4-5' }), nothing],
    ['the base URL', model({ baseURL: 'http://model:8000' }), nothing],
    ['timeouts', { timeouts: { ...spec.timeouts, connect: '1s', request: '1m' } }, nothing],
    ['retries', { retry: { ...spec.retry, maxAttempts: 1 } }, nothing],
    ['the bulkhead', { bulkhead: { ...spec.bulkhead, maxConcurrent: 5 } }, nothing],
    ['the concurrency of an endpoint', model({ maxConcurrent: 5 }), nothing],
    ['the Service', { service: { type: 'NodePort', port: 81, annotations: { a: 'b' } } }, nothing],
    ['autoscaling', { autoscaling: AUTOSCALING }, nothing],
    ['the disruption budget', { disruption: { maxUnavailable: '50%' } }, nothing],
    ['network policies', { networkPolicy: { enabled: false } }, nothing],
  ])('does not restart pods when %s change', (_what, change, attachment) => {
    expect(template(change, attachment)).toEqual(template());
    const before = plan();
    const after = plan(change, attachment);
    expect(after.hash !== before.hash).toBe(!isForChildrenOnly(change));
  });

  it.each<[string, Partial<AgentDeploymentSpec>]>([
    ['image', { image: 'example.com/other:1' }],
    ['imagePullPolicy', { imagePullPolicy: 'Always' }],
    ['shutdown', { shutdown: { drainTimeout: '1m', handlerTimeout: '30s' } }],
    ['probes', { probes: { ...spec.probes, liveness: { ...spec.probes.liveness, period: '9s' } } }],
    ['podTemplate', { podTemplate: { spec: { priorityClassName: 'high' } } }],
    ['the name of a Secret', model({ apiKeySecretRef: { name: 'other', key: 'api-key' } })],
    ['the key in a Secret', model({ apiKeySecretRef: { name: 'anthropic', key: 'other' } })],
  ])('restarts pods when %s changes', (_what, spec) => {
    expect(template(spec)).not.toEqual(template());
  });

  it('gives the pull policy of the operator to its own image only', () => {
    const options = { ...OPTIONS, runtimeImagePullPolicy: 'IfNotPresent' };
    const [own] = template({}, nothing, options).spec.containers;
    const [other] = template({ image: 'x' }, nothing, options).spec.containers;
    expect(own!.imagePullPolicy).toBe('IfNotPresent');
    expect(other).not.toHaveProperty('imagePullPolicy');
  });

  it.each([
    ['0s', '0s', 10],
    ['5m', '30s', 340],
    ['1500ms', '1s', 13],
  ])(
    'gives pods time for a drain of %s, handlers of %s and the endpoint lag',
    (drainTimeout, handlerTimeout, seconds) => {
      const { spec } = template({ shutdown: { drainTimeout, handlerTimeout } });
      expect(spec.terminationGracePeriodSeconds).toBe(seconds);
    },
  );

  it('still contains a configuration when the pod template is unusable', () => {
    const { hash, deployment, problems } = plan({
      podTemplate: { spec: { containers: 'agent' } },
    });
    expect(hash).toBeDefined();
    expect(deployment).toBeUndefined();
    expect(problems).toEqual([
      {
        reason: 'InvalidPodTemplate',
        message: 'spec.podTemplate.spec.containers must be a list of objects',
      },
    ]);
  });

  const tool = (
    url: string,
    inputSchema: object,
  ): NonNullable<AgentDeploymentSpec['tools']>[number] => ({
    name: 'find_order',
    description: 'Finds an order.',
    inputSchema: { type: 'object', ...inputSchema },
    http: { url, method: 'GET', maxResponseBytes: 1 },
    maxConcurrent: 1,
  });

  it('warns of a placeholder that the model is not asked for, and still has a configuration', () => {
    const { hash, problems, warnings } = plan({
      tools: [tool('https://orders.example.com/{id}/{id}/{part}', { properties: { part: {} } })],
    });
    expect(hash).toBeDefined();
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      {
        reason: 'InvalidTool',
        message:
          'spec.tools[find_order].http.url: placeholder {id} is not a property of inputSchema, so that the model is not asked for it. Add it there or remove it here.',
      },
    ]);
  });

  it.each([
    { properties: { id: { type: 'string' } } },
    { allOf: [{ properties: { id: {} } }] },
    { patternProperties: { '^i': {} } },
    { additionalProperties: { type: 'string' } },
  ])('does not warn of a placeholder that %j may have', (schema) => {
    expect(plan({ tools: [tool('https://orders.example.com/{id}', schema)] }).warnings).toEqual([]);
  });

  it('names a malformed duration once', () => {
    const { hash, problems } = plan({ shutdown: { drainTimeout: 'never', handlerTimeout: '30s' } });
    expect(hash).toBeUndefined();
    expect(problems).toMatchObject([{ reason: 'InvalidDuration' }]);
  });

  it.each([
    [{ type: 'ClusterIP' as const, port: 80 }, 'http://triage.support.svc'],
    [{ type: 'LoadBalancer' as const, port: 8443 }, 'http://triage.support.svc:8443'],
  ])('names the address of %j', (service, endpoint) => {
    expect(plan({ service }).endpoint).toBe(endpoint);
  });

  it('leaves the number of pods to autoscaling', () => {
    expect(plan({ autoscaling: AUTOSCALING }).deployment!.spec).not.toHaveProperty('replicas');
    expect(plan({ autoscaling: AUTOSCALING }).autoscaler).toBeDefined();
    expect(plan({ replicas: 4 }).deployment!.spec.replicas).toBe(4);
    expect(plan()).not.toHaveProperty('autoscaler');
  });

  it('contains one object that scales, which is KEDA’s if the spec asks for it', () => {
    const prometheus = { serverAddress: 'http://prometheus:9090' };
    const agent = agentFixture('triage', {
      autoscaling: { ...AUTOSCALING, memoryPercent: 0, inFlight: { target: 50, prometheus } },
    });
    const input = { agent, attachment: nothing, options: OPTIONS };
    const without = planAgent(input);
    const taken = planAgent({ ...input, scaledObjects: 'Served' });
    expect([without.autoscaler?.kind, without.scaledObject?.kind]).toEqual([
      'HorizontalPodAutoscaler',
      undefined,
    ]);
    expect([taken.autoscaler?.kind, taken.scaledObject?.kind]).toEqual([undefined, 'ScaledObject']);
    const [metric, ...others] = without.autoscaler!.spec.metrics;
    expect([metric?.containerResource.name, others]).toEqual(['cpu', []]);
    expect(taken.deployment).toEqual(without.deployment);
    expect(taken.hash).toBe(without.hash);
  });

  it('shows the image that podTemplate chooses', () => {
    const podTemplate = { spec: { containers: [{ name: 'agent', image: 'mine' }] } };
    expect(plan({ podTemplate }).image).toBe('mine');
  });
});

describe('a manifest that the platform does not permit', () => {
  const tenancy = {
    podTemplate: 'Restricted',
    images: ['example.com/'],
    programImages: ['example.com/programs/'],
    secretNames: ['agents-*'],
    identities: [],
  } as const;
  const planned = (spec: Partial<AgentDeploymentSpec>): AgentPlan =>
    plan(spec, nothing, { ...OPTIONS, tenancy } as typeof OPTIONS);
  const allowed = modelOf(
    endpoint('primary', { apiKeySecretRef: { name: 'agents-a', key: 'api-key' } }),
  );

  it('keeps the pods, and with a refused pod template still updates the configuration', () => {
    const podTemplate = { spec: { hostNetwork: true } };
    const { deployment, hash, problems } = planned({ model: allowed, podTemplate });
    expect([deployment, typeof hash]).toEqual([undefined, 'string']);
    expect(problems.map(({ reason }) => reason)).toEqual(['PodTemplateNotAllowed']);
    expect(problems[0]!.message).toContain('spec.podTemplate.spec.hostNetwork: not permitted');
  });

  it('keeps the configuration too if a Secret is refused, which may be mounted already', () => {
    const model = modelOf(
      endpoint('primary', {
        baseURL: 'https://elsewhere.example.com',
        apiKeySecretRef: { name: 'database', key: 'password' },
      }),
    );
    const { deployment, content, hash, problems } = planned({ model });
    expect([deployment, content, hash]).toEqual([undefined, undefined, undefined]);
    expect(problems.map(({ reason }) => reason)).toEqual(['SecretNotAllowed']);
  });

  it.each([
    ['example.com/programs/orders:1', []],
    ['example.com/orders:1', ['spec.program.image']],
  ])('allows a program only the images of programs: %s', (image, refused) => {
    const program = { image, port: 8000, resources: {} };
    const { problems } = planned({ model: allowed, program });
    expect(problems.map(({ message }) => message.split(':')[0])).toEqual(refused);
    if (refused.length > 0) expect(problems[0]!.message).toContain('tenancy.programImages');
  });

  it('never lets an image of programs run as the runtime', () => {
    const { problems } = planned({ model: allowed, image: 'example.com/programs/orders:1' });
    expect(problems.map(({ message }) => message.split(':')[0])).toEqual(['spec.image']);
  });

  it('keeps the configuration too if an identity is refused', () => {
    const identity = { aws: {} };
    const model = modelOf(endpoint('primary', { provider: 'Bedrock', region: 'eu', identity }));
    const { deployment, content, problems } = planned({ model });
    expect([deployment, content]).toEqual([undefined, undefined]);
    expect(problems.map(({ reason }) => reason)).toEqual(['IdentityNotAllowed']);
    expect(problems[0]!.message).toContain(
      'spec.model.endpoints[primary].identity: an identity that is not permitted.',
    );
  });

  it('takes no place in an upgrade', () => {
    const agent = agentFixture('triage', { podTemplate: { spec: { hostPID: true } } });
    const options = { ...OPTIONS, tenancy };
    expect(podChange({ agent, attachment: nothing, options })).toBeUndefined();
  });
});
