import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { portForward } from '../kit/portForward.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

const AGENT = 'runner';

describe('the performance of an agent', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;

  beforeAll(async () => {
    sandbox = await Sandbox.open('performance');
    model = await sandbox.model('track', 9661);
    await sandbox.apply(
      sandbox.agent({
        name: AGENT,
        baseURL: model.baseURL,
        replicas: 2,
        spec: { retry: { maxAttempts: 1 } },
      }),
      sandbox.breaker('patience', AGENT, { trip: { consecutiveFailures: 1000 } }),
    );
    await sandbox.agents.waitForAgent(AGENT);
  });

  afterAll(() => sandbox.close());

  const performance = async (): Promise<
    NonNullable<NonNullable<AgentDeployment['status']>['performance']>
  > => {
    const { status } = await sandbox.api.get<AgentDeployment>(
      'agentdeployments',
      sandbox.namespace,
      AGENT,
    );
    return status?.performance ?? [];
  };

  it('is in status, its pods added up, and on the debug port of each', async () => {
    const pods = await sandbox.ways(AGENT);
    for (let i = 0; i < 20; i += 1) await pods[i % 2]!.send();
    await model.control.setFault({ status: 500 });
    for (let i = 0; i < 20; i += 1) await pods[i % 2]!.send();
    await model.control.setFault(undefined);
    const shown = await waitFor(
      'status tells of 40 requests',
      performance,
      (found) => found.some(({ operation, count }) => operation === 'request' && count === 40),
      { timeoutMs: 100_000 },
    );
    expect(shown).toEqual(
      ['request', 'model'].map((operation) =>
        expect.objectContaining({ operation, count: 40, successPercent: 50 }),
      ),
    );
    for (const { pod } of pods) {
      const way = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${pod}`, 9091);
      try {
        const page: unknown = await (await fetch(`${way.url}/debug/performance`)).json();
        expect(page).toMatchObject({
          operations: {
            request: { count: 20, topErrors: [{ type: 'UpstreamError', count: 10 }] },
            model: { count: 20, topErrors: [{ type: 'ServerError', count: 10 }] },
            tool: { count: 0 },
          },
        });
      } finally {
        way.stop();
      }
    }
  });
});
