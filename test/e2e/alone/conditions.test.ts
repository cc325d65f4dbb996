import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { condition, hasCondition, type WithConditions } from '../../kit/conditions.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../../kit/platform.ts';
import { portForward } from '../../kit/portForward.ts';
import { waitFor } from '../../kit/wait.ts';
import type { SandboxModel } from '../sandbox.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(300_000);

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

type Deployment = KubernetesObject & { spec: { replicas: number } };

describe('what cannot work', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;

  beforeAll(async () => {
    sandbox = await Sandbox.open('conditions');
    model = await sandbox.model('echo', 9501);
    await sandbox.apply(
      sandbox.agent({ name: 'locksmith', baseURL: model.baseURL, secret: 'lost-key' }),
      sandbox.agent({ name: 'piper', baseURL: model.baseURL }),
      sandbox.breaker('piper', 'piper'),
      sandbox.limit('piper', 'piper', { capacity: 100, amount: 100, per: '1s' }),
    );
    await sandbox.agents.waitForAgent('piper');
  });

  afterAll(() => sandbox.close());

  const waitForCondition = (
    resource: string,
    name: string,
    type: string,
    status: 'True' | 'False',
    reason?: string,
    timeoutMs = 30_000,
  ): Promise<WithConditions> =>
    waitFor(
      `${resource} ${name} has ${type}=${status} ${reason ?? ''}`,
      () => sandbox.api.get<WithConditions>(resource, sandbox.namespace, name),
      (object) => hasCondition(object, type, status, reason),
      { timeoutMs },
    );

  /** The kubelet looks at the volumes of a pod that changed at once instead of within two minutes. */
  const lookAgain = (pod: string): Promise<unknown> =>
    sandbox.api.mergePatch('pods', sandbox.namespace, pod, {
      metadata: { annotations: { 'example.org/look-again': `${performance.now()}` } },
    });

  it('a missing Secret is named, and its agent mends when it appears', async () => {
    const agent = await waitForCondition(
      'agentdeployments',
      'locksmith',
      'Ready',
      'False',
      'SecretNotFound',
      60_000,
    );
    expect(condition(agent, 'Ready')?.message).toContain('lost-key');
    await sandbox.apply(sandbox.secret('lost-key', 'brass'));
    const [pod] = await sandbox.agents.pods('locksmith');
    await waitFor(
      'the agent is ready',
      async () => {
        await lookAgain(pod!.metadata.name);
        return sandbox.api.get<WithConditions>('agentdeployments', sandbox.namespace, 'locksmith');
      },
      (mended) => hasCondition(mended, 'Ready', 'True'),
      { timeoutMs: 60_000, everyMs: 1000 },
    );
    const [way] = await sandbox.ways('locksmith');
    expect((await way!.send()).status).toBe(200);
    expect((await sandbox.agents.pods('locksmith')).map(({ metadata }) => metadata.uid)).toEqual([
      pod!.metadata.uid,
    ]);
  });

  it('an unknown target is named, and its policy mends when it appears', async () => {
    await sandbox.apply(sandbox.breaker('early', 'latecomer'));
    const policy = await waitForCondition(
      'circuitbreakerpolicies',
      'early',
      'Accepted',
      'False',
      'TargetNotFound',
    );
    expect(condition(policy, 'Accepted')?.message).toContain('latecomer');
    await sandbox.apply(sandbox.agent({ name: 'latecomer', replicas: 0, baseURL: model.baseURL }));
    await waitForCondition('circuitbreakerpolicies', 'early', 'Accepted', 'True');
    await waitForCondition('circuitbreakerpolicies', 'early', 'Programmed', 'True', 'NoPods');
  });

  it('two policies for one dependency: the more specific one holds it, the other says so', async () => {
    await sandbox.apply(
      sandbox.breaker('piper-north', 'piper', {
        targetRefs: [{ name: 'piper', sectionName: 'model/north' }],
        trip: { consecutiveFailures: 7 },
      }),
    );
    const beaten = await waitForCondition(
      'circuitbreakerpolicies',
      'piper',
      'Accepted',
      'False',
      'Conflicted',
    );
    expect(condition(beaten, 'Accepted')?.message).toContain('piper-north');
    await waitForCondition('circuitbreakerpolicies', 'piper-north', 'Programmed', 'True');
    await sandbox.api.remove('circuitbreakerpolicies', sandbox.namespace, 'piper-north');
    await waitForCondition('circuitbreakerpolicies', 'piper', 'Accepted', 'True');
    await waitForCondition('circuitbreakerpolicies', 'piper', 'Programmed', 'True');
  });

  it('a policy for agents with a label covers one that gets it later, and yields to a name', async () => {
    const label = (agent: string): Promise<unknown> =>
      sandbox.api.mergePatch('agentdeployments', sandbox.namespace, agent, {
        metadata: { labels: { band: 'brass' } },
      });
    await sandbox.apply(
      sandbox.agent({ name: 'drummer', replicas: 0, baseURL: model.baseURL }),
      sandbox.breaker('band', '', {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { band: 'brass' } }],
      }),
    );
    await waitForCondition('circuitbreakerpolicies', 'band', 'Accepted', 'True');
    await label('piper');
    await waitForCondition('circuitbreakerpolicies', 'band', 'Accepted', 'False', 'Conflicted');
    await label('drummer');
    const policy = await waitForCondition(
      'circuitbreakerpolicies',
      'band',
      'Overridden',
      'True',
      'PartiallyOverridden',
    );
    expect(condition(policy, 'Accepted')).toMatchObject({ status: 'True' });
    expect(condition(policy, 'Overridden')?.message).toContain('piper');
  });

  it('a pod template that Kubernetes refuses is a condition, and the pods stay', async () => {
    const uids = (await sandbox.agents.pods('piper')).map(({ metadata }) => metadata.uid);
    const patch = (template: unknown): Promise<unknown> =>
      sandbox.api.mergePatch('agentdeployments', sandbox.namespace, 'piper', {
        spec: { podTemplate: { spec: template } },
      });
    await patch({ nodeSelector: { disk: 'not a value of a label' } });
    const agent = await waitFor(
      'the agent has a condition InvalidPodTemplate',
      () => sandbox.api.get<WithConditions>('agentdeployments', sandbox.namespace, 'piper'),
      ({ status }) => status?.conditions?.some((c) => c.reason === 'InvalidPodTemplate') ?? false,
    );
    const told = agent.status?.conditions?.find((c) => c.reason === 'InvalidPodTemplate');
    expect(told?.message).toContain('nodeSelector');
    expect((await sandbox.agents.pods('piper')).map(({ metadata }) => metadata.uid)).toEqual(uids);
    await patch({ nodeSelector: null });
    await sandbox.agents.waitForAgent('piper');
    expect((await sandbox.agents.pods('piper')).map(({ metadata }) => metadata.uid)).toEqual(uids);
  });

  it.each([
    ['a number without a unit', { openDuration: '60' }, /openDuration/],
    [
      'an open circuit longer than its maximum',
      { openDuration: '20m', maxOpenDuration: '10m' },
      /openDuration: .*must not be longer than maxOpenDuration/,
    ],
    ['two kinds of targets', { targetSelectors: [{ matchLabels: { a: 'b' } }] }, /exactly one of/],
  ])('a manifest with %s is refused with what to write', async (_what, spec, message) => {
    const result = await sandbox.kubectl.exec(
      'kubectl',
      ['apply', '-n', sandbox.namespace, '-f', '-'],
      { input: JSON.stringify(sandbox.breaker('refused', 'piper', spec)) },
    );
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(message);
  });

  it('a malformed configuration file is refused whole while the last good one stays in force', async () => {
    const [pod] = await sandbox.agents.readyPods('piper');
    const name = pod!.metadata.name;
    const debug = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${name}`, 9091);
    const state = async (): Promise<RuntimeState> =>
      (await (await fetch(`${debug.url}/debug/state`)).json()) as RuntimeState;
    const scaleOperator = (replicas: number): Promise<string> =>
      sandbox.kubectl.run([
        ...['scale', '-n', OPERATOR_NAMESPACE, `deployment/${OPERATOR}`, `--replicas=${replicas}`],
      ]);
    const programmed = async (): Promise<string> => {
      const policy = await sandbox.agents.breaker('piper');
      const { status, message } = condition(policy, 'Programmed')!;
      return `${status}: ${message}`;
    };
    expect((await state()).configuration.refused).toBeUndefined();

    const { spec } = await sandbox.api.get<Deployment>('deployments', OPERATOR_NAMESPACE, OPERATOR);
    await scaleOperator(0);
    try {
      await waitFor(
        'the operator is gone',
        () => sandbox.api.list('pods', OPERATOR_NAMESPACE, `app.kubernetes.io/name=${OPERATOR}`),
        (pods) => pods.length === 0,
        { timeoutMs: 60_000 },
      );
      await sandbox.api.mergePatch('configmaps', sandbox.namespace, 'piper-configuration', {
        data: { 'configuration.json': '{"revision": {"term": 999999, "counter": 1}}' },
      });
      const { configuration } = await waitFor(
        'the runtime reports the refused file',
        async () => {
          await lookAgain(name);
          return state();
        },
        (now) => now.configuration.refused?.source === 'File',
        { timeoutMs: 130_000, everyMs: 1000 },
      );
      expect(configuration.refused?.message).toContain('hash');
      const [way] = await sandbox.ways('piper');
      expect((await way!.send()).status).toBe(200);
    } finally {
      await scaleOperator(spec.replicas);
    }
    const told = await waitFor('Programmed speaks of the refused file', programmed, (text) =>
      text.includes('refused'),
    );
    expect(told).toContain(name);
    expect(told).toMatch(/^True: 1\/1 pods enforce/);
    const read = (): Promise<ConfigMap> =>
      sandbox.api.get('configmaps', sandbox.namespace, 'piper-configuration');
    await waitFor('the operator has put the file right', read, ({ data }) =>
      (data?.['configuration.json'] ?? '').includes('"content"'),
    );
    await waitFor(
      'the runtime holds nothing against the file any more',
      async () => {
        await lookAgain(name);
        return state();
      },
      (now) => now.configuration.refused === undefined,
      { timeoutMs: 130_000, everyMs: 1000 },
    );
    debug.stop();
  });
});

interface RuntimeState {
  configuration: { refused?: { source: string; message: string } };
}
