import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Ranking } from '../../operator/status/ranking.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../kit/platform.ts';
import { portForward } from '../kit/portForward.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

const AGENT = 'runner';
const FAILING = 'stumbler';

type Lease = KubernetesObject & { spec: { holderIdentity?: string } };

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
      sandbox.agent({
        name: FAILING,
        baseURL: model.baseURL,
        replicas: 1,
        spec: { retry: { maxAttempts: 1 } },
      }),
      sandbox.breaker('patience', AGENT, { trip: { consecutiveFailures: 1000 } }),
      sandbox.breaker('forbearance', FAILING, { trip: { consecutiveFailures: 1000 } }),
    );
    await Promise.all([AGENT, FAILING].map((name) => sandbox.agents.waitForAgent(name)));
  });

  afterAll(() => sandbox.close());

  /** What the debug page of the operator that leads says of these agents. */
  const ranked = async (agents: readonly string[]): Promise<Ranking['agents']> => {
    const held = await sandbox.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR);
    const leader = held.spec.holderIdentity!.split('_')[0]!;
    const way = await portForward(sandbox.kubectl, OPERATOR_NAMESPACE, `pod/${leader}`, 9091);
    try {
      const names = agents.map((name) => `${sandbox.namespace}/${name}`);
      const page = (await (await fetch(`${way.url}/debug/ranking`)).json()) as Ranking;
      return page.agents.filter(({ agent }) => names.includes(agent));
    } finally {
      way.stop();
    }
  };

  it('is on the debug port of the operator that leads as the sum of its pods, and on that of each', async () => {
    const pods = await sandbox.ways(AGENT);
    for (let i = 0; i < 20; i += 1) await pods[i % 2]!.send();
    await model.control.setFault({ status: 500 });
    for (let i = 0; i < 20; i += 1) await pods[i % 2]!.send();
    const [failing] = await sandbox.ways(FAILING);
    for (let i = 0; i < 5; i += 1) await failing!.send();
    await model.control.setFault(undefined);
    const [shown] = await waitFor(
      'the operator knows of 40 requests',
      () => ranked([AGENT]),
      ([found]) =>
        found?.operations.some(({ operation, count }) => operation === 'request' && count === 40) ??
        false,
      { timeoutMs: 100_000 },
    );
    expect(shown!.operations).toEqual(
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

  it('ranks the agents on the debug port of the operator that leads', async () => {
    const both = await waitFor(
      'both agents are ranked',
      () => ranked([AGENT, FAILING]),
      (found) => found.length === 2,
      { timeoutMs: 60_000 },
    );
    expect(both.map(({ agent }) => agent)).toEqual(
      [AGENT, FAILING].map((name) => `${sandbox.namespace}/${name}`),
    );
    expect(both[0]!.score).toBeGreaterThan(0);
    expect(both[1]!.score).toBe(0);
  });

  it('does not affect its health, which names its dependencies', async () => {
    const { pod } = (await sandbox.ways(FAILING))[0]!;
    const way = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${pod}`, 9090);
    try {
      const answer = await fetch(`${way.url}/health/ready`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({
        status: 'ok',
        components: { configuration: { ok: true }, eventLoop: { ok: true } },
        dependencies: {
          operator: { ok: true },
          'model/north': { ok: true, circuit: 'Closed', lastCall: { ok: false } },
        },
      });
    } finally {
      way.stop();
    }
  });
});
