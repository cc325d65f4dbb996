import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { KubernetesObject } from '../../../crds/meta.ts';
import type { Pod } from '../../kit/agents.ts';
import { isReady } from '../../kit/agents.ts';
import { condition, hasCondition } from '../../kit/conditions.ts';
import type { PodClient } from '../../kit/enforcement.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../../kit/platform.ts';
import { type PortForward, portForward } from '../../kit/portForward.ts';
import { outcome } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(240_000);

type Deployment = KubernetesObject & { spec: { replicas: number } };
type ConfigMap = KubernetesObject & { data?: Record<string, string> };

interface RuntimeState {
  configuration: { refused?: { source: string; message: string } };
}

/** The kubelet brings a changed file within two minutes where it is not asked to look. */
const FILE = { timeoutMs: 130_000, everyMs: 1000 };
const OVERRIDE_MS = 20_000;

/** The tests go one after another through the same time without an operator. */
describe('an agent whose operator is down', () => {
  let sandbox: Sandbox;
  let pod: PodClient;
  let debug: PortForward;
  let replicas: number | undefined;
  let expiresAt: string;

  beforeAll(async () => {
    sandbox = await Sandbox.open('without-operator');
    const model = await sandbox.model('bridge', 9501);
    await sandbox.apply(sandbox.agent({ name: 'watchman', baseURL: model.baseURL }));
    await sandbox.agents.waitForAgent('watchman');
    pod = (await sandbox.ways('watchman'))[0]!;
    debug = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${pod.pod}`, 9091);
    expect((await state()).configuration.refused).toBeUndefined();

    expiresAt = new Date(Date.now() + OVERRIDE_MS).toISOString().replace(/\.\d+Z$/, 'Z');
    const override = { state: 'Open', reason: 'dredging', expiresAt };
    await sandbox.apply(sandbox.breaker('watchman', 'watchman', { override }));
    await sandbox.agents.waitForBreaker('watchman', 'programmed', (policy) =>
      hasCondition(policy, 'Programmed', 'True'),
    );
    expect(outcome(await pod.send())).toBe('503 CircuitBreakerOpen');
    const { spec } = await sandbox.api.get<Deployment>('deployments', OPERATOR_NAMESPACE, OPERATOR);
    replicas = spec.replicas;
    await scaleOperator(0);
  });

  afterAll(async () => {
    debug?.stop();
    if (replicas !== undefined) await scaleOperator(replicas);
    await sandbox.close();
  });

  async function scaleOperator(count: number): Promise<void> {
    await sandbox.api.mergePatch('deployments', OPERATOR_NAMESPACE, OPERATOR, {
      spec: { replicas: count },
    });
    await waitFor(
      `the operator has ${count} pods`,
      () => sandbox.api.list<Pod>('pods', OPERATOR_NAMESPACE, `app.kubernetes.io/name=${OPERATOR}`),
      (pods) => pods.length === count && pods.every(isReady),
      { timeoutMs: 120_000 },
    );
  }

  const state = async (): Promise<RuntimeState> =>
    (await (await fetch(`${debug.url}/debug/state`)).json()) as RuntimeState;

  /** The state, after the kubelet was made to look at the volumes of the pod. */
  async function stateLookedUp(): Promise<RuntimeState> {
    await sandbox.api.mergePatch('pods', sandbox.namespace, pod.pod, {
      metadata: { annotations: { 'example.org/look-again': `${performance.now()}` } },
    });
    return state();
  }

  it('ends an override at its expiry', async () => {
    await pod.until('probes are let through', ({ status }) => status === 200, { everyMs: 100 });
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt));
    await pod.send();
  });

  it('refuses a malformed configuration file as a whole and keeps the last good one in force', async () => {
    await sandbox.api.mergePatch('configmaps', sandbox.namespace, 'watchman-configuration', {
      data: { 'configuration.json': '{"revision": {"term": 999999, "counter": 1}}' },
    });
    const { configuration } = await waitFor(
      'the runtime reports the refused file',
      stateLookedUp,
      (now) => now.configuration.refused?.source === 'File',
      FILE,
    );
    expect(configuration.refused?.message).toContain('hash');
    expect((await pod.send()).status).toBe(200);
  });

  it('loses no report: the next operator shows both and restores the file', async () => {
    await scaleOperator(replicas!);
    const programmed = async (): Promise<string> => {
      const { status, message } = condition(
        await sandbox.agents.breaker('watchman'),
        'Programmed',
      )!;
      return `${status}: ${message}`;
    };
    const told = await waitFor('Programmed speaks of the refused file', programmed, (text) =>
      text.includes('refused'),
    );
    expect(told).toContain(pod.pod);
    expect(told).toMatch(/^True: 1\/1 pods enforce/);
    await sandbox.agents.waitForBreaker(
      'watchman',
      'Closed',
      ({ status }) => status?.state === 'Closed',
    );
    await waitFor(
      'the operator has put the file right',
      () => sandbox.api.get<ConfigMap>('configmaps', sandbox.namespace, 'watchman-configuration'),
      ({ data }) => (data?.['configuration.json'] ?? '').includes('"content"'),
    );
    await waitFor(
      'the runtime holds nothing against the file any more',
      stateLookedUp,
      (now) => now.configuration.refused === undefined,
      FILE,
    );
  });
});
