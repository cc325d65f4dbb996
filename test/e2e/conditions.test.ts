import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { condition, hasCondition, type WithConditions } from '../kit/conditions.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(300_000);

describe('conditions and refusals', () => {
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
  ): Promise<WithConditions> =>
    waitFor(
      `${resource} ${name} has ${type}=${status} ${reason ?? ''}`,
      () => sandbox.api.get<WithConditions>(resource, sandbox.namespace, name),
      (object) => hasCondition(object, type, status, reason),
    );

  /** Changes a pod, so that the kubelet updates its volumes at once instead of within two minutes. */
  const lookAgain = (pod: string): Promise<unknown> =>
    sandbox.api.mergePatch('pods', sandbox.namespace, pod, {
      metadata: { annotations: { 'example.org/look-again': `${performance.now()}` } },
    });

  it('name a missing Secret, whose agent recovers once the Secret appears', async () => {
    const agent = await waitForCondition(
      'agentdeployments',
      'locksmith',
      'Ready',
      'False',
      'SecretNotFound',
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

  it('name an unknown target, whose policy recovers once the target appears', async () => {
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

  it('say which one of two policies for a dependency is not in force, the less specific one', async () => {
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

  it('say that a policy by label covers an agent that gets the label later, but none with a policy by name', async () => {
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

  it('say that Kubernetes refuses a pod template, and the pods stay', async () => {
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
  ])('tell what to write instead of a manifest with %s', async (_what, spec, message) => {
    const result = await sandbox.kubectl.exec(
      'kubectl',
      ['apply', '-n', sandbox.namespace, '-f', '-'],
      { input: JSON.stringify(sandbox.breaker('refused', 'piper', spec)) },
    );
    expect(result.code).not.toBe(0);
    expect(result.stderr).toMatch(message);
  });
});
