import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { enforcedEverywhere } from '../../kit/enforcement.ts';
import { OPERATOR, OPERATOR_NAMESPACE, ROOT } from '../../kit/platform.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(240_000);

type Deployment = KubernetesObject & { status?: { readyReplicas?: number } };
type Lease = KubernetesObject & { spec: { holderIdentity?: string } };

describe('an operator that runs on a computer outside the pod network', () => {
  let sandbox: Sandbox;
  let operator: ChildProcess | undefined;

  const scale = (replicas: number): Promise<unknown> =>
    sandbox.api.mergePatch('deployments', OPERATOR_NAMESPACE, OPERATOR, { spec: { replicas } });

  beforeAll(async () => {
    sandbox = await Sandbox.open('host');
    await sandbox.limitedAgent('pilot', 'harbour', 9401);
  });

  afterAll(async () => {
    if (operator?.exitCode === null) {
      const ended = once(operator, 'exit');
      operator.kill('SIGTERM');
      await ended;
    }
    await scale(2);
    await waitFor(
      'both operator pods are ready again',
      () => sandbox.api.get<Deployment>('deployments', OPERATOR_NAMESPACE, OPERATOR),
      ({ status }) => status?.readyReplicas === 2,
      { timeoutMs: 60_000 },
    );
    await sandbox.close();
  }, 120_000);

  /** Open port-forwards through the API server. */
  async function forwarded(): Promise<number> {
    const text = await sandbox.kubectl.run(['get', '--raw', '/metrics']);
    const line = /^apiserver_longrunning_requests\{[^}]*subresource="portforward"[^}]*\} (\S+)$/gm;
    return [...text.matchAll(line)].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  it('links to pods by port-forward', async () => {
    const before = await forwarded();
    await scale(0);
    await waitFor(
      'nobody holds the Lease',
      () => sandbox.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR),
      ({ spec }) => !spec.holderIdentity,
      { timeoutMs: 60_000 },
    );
    operator = spawn(process.execPath, ['operator/main.ts'], {
      cwd: ROOT,
      env: {
        ...process.env,
        ...sandbox.kubectl.environment,
        POD_NAMESPACE: OPERATOR_NAMESPACE,
        POD_NAME: 'host',
        RUNTIME_IMAGE: sandbox.images.runtime,
        LINKS: 'PortForward',
        METRICS_PORT: '0',
        HEALTH_PORT: '0',
        DEBUG_PORT: '0',
      },
      stdio: 'ignore',
    });
    await waitFor(
      'the process leads',
      () => sandbox.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR),
      ({ spec }) => spec.holderIdentity?.startsWith('host_') === true,
      { timeoutMs: 60_000 },
    );
    await waitFor('links are open', forwarded, (count) => count >= before + 2);
    const ways = await sandbox.ways('pilot');
    await sandbox.apply(sandbox.limit('pilot', 'pilot', { capacity: 1, amount: 1, per: '1h' }));
    await enforcedEverywhere(ways, 'it is limited', ({ status }) => status === 429);
    const agent = await sandbox.agents.waitForAgent('pilot');
    expect(agent.status?.readyReplicas).toBe(2);
  });
});
