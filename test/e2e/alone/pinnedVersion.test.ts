import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { join } from 'node:path';
import { chooseCluster } from '../../cluster/cluster.ts';
import type { Images } from '../../cluster/common/cluster.ts';
import { readSite } from '../site.ts';
import type { SandboxModel } from '../sandbox.ts';
import { Sandbox } from '../sandbox.ts';
import { enforcedEverywhere } from '../../kit/enforcement.ts';
import { installOperator, uninstallOperator } from '../../kit/platform.ts';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { pinnedCheckout } from '../../compat/pinnedVersion.ts';

jest.setTimeout(240_000);

/** Operator, chart and runtime of this checkout with those of the version in test/compat/pinned. */
describe('the pinned version', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let traffic: RemoteTraffic;
  let pinned: { chart: string; images: Images };

  beforeAll(async () => {
    const root = await pinnedCheckout();
    const cluster = await chooseCluster(process.env);
    pinned = { chart: join(root, 'charts/breakwater'), images: await cluster.images(root) };
    sandbox = await Sandbox.open('compat');
    const { kubectl } = sandbox;
    await uninstallOperator({ kubectl });
    await installOperator({ kubectl, images: pinned.images }, { chart: pinned.chart });
    [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    await sandbox.apply(sandbox.agent({ name: 'elder', replicas: 2, baseURL: model.baseURL }));
    await sandbox.served('elder', traffic);
  }, 400_000);

  afterAll(async () => {
    await installOperator({ kubectl: sandbox.kubectl, images: readSite().images });
    await sandbox.close();
  });

  /** An agent with an image of its own, and a policy that is edited while it serves. */
  async function obeys(name: string, image: string): Promise<void> {
    await sandbox.apply(
      sandbox.agent({ name, replicas: 1, baseURL: model.baseURL, spec: { image } }),
      sandbox.breaker(name, name),
      sandbox.limit(name, name, { capacity: 1000, amount: 100, per: '1s' }),
    );
    await sandbox.agents.waitForAgent(name);
    const ways = await sandbox.ways(name);
    await enforcedEverywhere(ways, 'it serves', ({ status }) => status === 200);
    await sandbox.apply(sandbox.limit(name, name, { capacity: 1, amount: 1, per: '1h' }));
    await enforcedEverywhere(ways, 'it is limited', ({ status }) => status === 429);
    await waitFor(
      `the status of ${name} is reported`,
      () => sandbox.agents.breaker(name),
      ({ status }) => status?.state === 'Closed' && status.pods?.programmed === 1,
    );
  }

  it('has an operator that this runtime works with', async () => {
    await obeys('newcomer', readSite().images.runtime);
  });

  it('is upgraded to this chart without a request that fails', async () => {
    const { images } = readSite();
    await traffic.run({ url: sandbox.url('elder'), rate: 20 });
    const before = await traffic.report();
    await installOperator({ kubectl: sandbox.kubectl, images });
    await waitFor(
      'the agent runs the new image',
      () => sandbox.agents.agent('elder'),
      ({ status }) => status?.image === images.runtime,
      { timeoutMs: 60_000 },
    );
    const { stdout } = await sandbox.kubectl.exec('kubectl', [
      'explain',
      'agentdeployment.spec.runtimeUpgrade',
    ]);
    expect(stdout).toContain('Automatic');
    const upgraded = await waitFor(
      'all pods are new ones',
      () => sandbox.agents.pods('elder'),
      (pods) => pods.length === 2 && pods.every(({ spec }) => imageOf(spec) === images.runtime),
      { timeoutMs: 120_000 },
    );
    expect(upgraded).toHaveLength(2);
    await sandbox.agents.waitForAgent('elder');
    const { sent, outcomes } = since(before, await traffic.report());
    await traffic.run(undefined);
    expect(sent).toBeGreaterThan(100);
    expect(Object.keys(outcomes)).toEqual(['200']);
  });

  it('has a runtime that this operator works with', async () => {
    await obeys('veteran', pinned.images.runtime);
  });
});

function imageOf(spec: Record<string, unknown>): string | undefined {
  const [container] = spec['containers'] as { image?: string }[];
  return container?.image;
}
