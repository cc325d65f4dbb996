import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { stringify } from 'yaml';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { enforcedEverywhere } from '../../kit/enforcement.ts';
import {
  helm,
  installOperator,
  OPERATOR,
  OPERATOR_NAMESPACE,
  refusals,
  ROOT,
  uninstallOperator,
} from '../../kit/platform.ts';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import type { TrafficReport } from '../../kit/traffic.ts';
import { since } from '../../kit/traffic.ts';
import type { SandboxModel } from '../sandbox.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(180_000);

/** Installs the operator in each way, one after another, with its own roles, while an agent serves. */
describe('an install', () => {
  let sandbox: Sandbox;
  let elsewhere: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;
  let before: TrafficReport;
  let capacity = 500;

  beforeAll(async () => {
    [sandbox, elsewhere] = await Promise.all([Sandbox.open('installs'), Sandbox.open('elsewhere')]);
    [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    await sandbox.apply(
      sandbox.agent({ name: 'lodger', baseURL: model.baseURL }),
      sandbox.limit('lodger', 'lodger', { capacity, amount: 100, per: '1s' }),
    );
    await sandbox.served('lodger', traffic);
    await traffic.run({ url: sandbox.url('lodger'), rate: 10 });
    before = await traffic.report();
  });

  afterAll(async () => {
    const { kubectl, images } = sandbox;
    await installOperator({ kubectl, images });
    await Promise.all([sandbox.close(), elsewhere.close()]);
  });

  /** Edits a policy, and waits until pods and status have the edit. */
  async function looksAfterAgents(): Promise<void> {
    capacity += 1;
    await sandbox.apply(
      sandbox.limit('lodger', 'lodger', { capacity, amount: 100, per: '1s' }),
      sandbox.breaker('lodger', 'lodger', { openDuration: `${capacity}s` }),
    );
    await sandbox.kubectl.run([
      ...['wait', '-n', sandbox.namespace, '--for=condition=Ready', 'agentdeployment/lodger'],
    ]);
    for (const policy of ['circuitbreakerpolicy', 'ratelimitpolicies.breakwater.dev']) {
      const { metadata } = JSON.parse(
        await sandbox.kubectl.run(['get', policy, 'lodger', '-n', sandbox.namespace, '-ojson']),
      ) as KubernetesObject;
      await sandbox.kubectl.run([
        ...['wait', '-n', sandbox.namespace, `${policy}/lodger`, '--timeout=60s'],
        `--for=jsonpath={.status.observedGeneration}=${metadata.generation}`,
      ]);
    }
    const ways = await sandbox.ways('lodger');
    await enforcedEverywhere(ways, 'it serves', ({ status }) => status === 200);
  }

  async function isRefusedNothing(): Promise<void> {
    expect(await refusals(sandbox.kubectl)).toEqual([]);
  }

  const isTested = (): Promise<string> =>
    helm(sandbox.kubectl, ['test', 'breakwater', '--namespace', OPERATOR_NAMESPACE]);

  it('by Helm for all namespaces works', async () => {
    expect(await isTested()).toMatch(/Phase: +Succeeded/);
    await looksAfterAgents();
    await isRefusedNothing();
  });

  it('by Helm for a single namespace manages only that one', async () => {
    const { kubectl, images, namespace } = sandbox;
    await uninstallOperator({ kubectl });
    await installOperator({ kubectl, images }, { values: [`watchNamespace=${namespace}`] });
    await elsewhere.apply(elsewhere.agent({ name: 'stranger', baseURL: model.baseURL }));
    expect(await isTested()).toMatch(/Phase: +Succeeded/);
    await looksAfterAgents();
    await isRefusedNothing();
    const stranger = await elsewhere.agents.agent('stranger');
    expect(stranger.status).toBeUndefined();
  });

  it('by kubectl apply -k works with the definitions that Helm has left', async () => {
    const { kubectl, images } = sandbox;
    await uninstallOperator({ kubectl });
    const directory = await mkdtemp(join(tmpdir(), 'breakwater-kustomize-'));
    await writeFile(join(directory, 'kustomization.yaml'), overlay(directory));
    const apply = ['apply', '--server-side', '--force-conflicts', '-k', directory];
    try {
      await kubectl.run(apply);
      await kubectl.run([
        ...['rollout', 'status', `deployment/${OPERATOR}`, '-n', OPERATOR_NAMESPACE],
        '--timeout=90s',
      ]);
      await elsewhere.agents.waitForAgent('stranger');
      await looksAfterAgents();
      await isRefusedNothing();
    } finally {
      for (const part of ['manager', 'rbac'])
        await kubectl.run([
          'delete',
          '--wait',
          '--ignore-not-found',
          '-k',
          join(ROOT, 'config', part),
        ]);
      await rm(directory, { recursive: true });
    }

    /** config/default with this checkout's images. */
    function overlay(from: string): string {
      const [name, newTag] = images.operator.split(':') as [string, string];
      const environment = [{ name: 'RUNTIME_IMAGE', value: images.runtime }];
      const patch = {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment' },
        metadata: { name: OPERATOR, namespace: OPERATOR_NAMESPACE },
        spec: { template: { spec: { containers: [{ name: 'operator', env: environment }] } } },
      };
      return stringify({
        ...{ apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' },
        resources: [relative(from, join(ROOT, 'config/default'))],
        images: [{ name, newTag }],
        patches: [{ patch: stringify(patch) }],
      });
    }
  });

  it('of one kind after another affects no request', async () => {
    const { sent, outcomes } = since(before, await traffic.report());
    await traffic.run(undefined);
    expect(sent).toBeGreaterThan(100);
    expect(Object.keys(outcomes)).toEqual(['200']);
  });
});
