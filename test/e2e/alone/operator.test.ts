import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Pod } from '../../kit/agents.ts';
import { isReady } from '../../kit/agents.ts';
import { enforcedEverywhere } from '../../kit/enforcement.ts';
import { killContainer } from '../../kit/kill.ts';
import { OPERATOR, OPERATOR_NAMESPACE } from '../../kit/platform.ts';
import type { RemoteTraffic } from '../../kit/simulator.ts';
import { since } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import type { SandboxModel } from '../sandbox.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(240_000);

/** Duration of the operator's Lease. */
const LEASE_MS = 15_000;

interface Lease {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { holderIdentity?: string; renewTime?: string; leaseTransitions?: number };
}

describe('the operator', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let failing: SandboxModel;
  let traffic: RemoteTraffic;

  beforeAll(async () => {
    sandbox = await Sandbox.open('operator');
    [model, failing, traffic] = await Promise.all([
      sandbox.model('steady', 9201),
      sandbox.model('shaky', 9202),
      sandbox.traffic(),
    ]);
    await sandbox.apply(
      sandbox.agent({ name: 'porter', replicas: 2, baseURL: model.baseURL }),
      sandbox.agent({ name: 'courier', replicas: 2, baseURL: failing.baseURL }),
      sandbox.breaker('courier', 'courier', {
        trip: { consecutiveFailures: 2 },
        openDuration: '10m',
      }),
      sandbox.limit('porter', 'porter', { capacity: 1000, amount: 100, per: '1s' }),
    );
    await Promise.all([sandbox.served('porter', traffic), sandbox.served('courier', traffic)]);
  });

  afterAll(() => sandbox.close());

  const lease = (): Promise<Lease> => sandbox.api.get('leases', OPERATOR_NAMESPACE, OPERATOR);

  async function operatorPod(): Promise<Pod> {
    const selector = 'app.kubernetes.io/name=breakwater-operator';
    const pods = await waitFor(
      'one operator pod is ready',
      () => sandbox.api.list<Pod>('pods', OPERATOR_NAMESPACE, selector),
      (found) => found.filter(isReady).length >= 1,
      { timeoutMs: 60_000 },
    );
    const { spec } = await lease();
    return pods.find((pod) => spec.holderIdentity?.includes(pod.metadata.name)) ?? pods[0]!;
  }

  it('fails no request if it is killed during traffic, and corrects the status soon after', async () => {
    await traffic.run({ url: sandbox.url('porter'), rate: 20 });
    const before = await traffic.report();
    const killed = await killContainer(sandbox, await operatorPod(), 'operator');
    const { renewTime } = (await lease()).spec;

    await failing.control.setFault({ status: 503 });
    await waitFor(
      'the circuits of both pods are open',
      () => traffic.burst({ url: sandbox.url('courier'), count: 20, concurrency: 2 }),
      ({ outcomes }) => Object.keys(outcomes).join() === '503 CircuitBreakerOpen',
    );

    await waitFor(
      'a process holds the Lease again',
      lease,
      ({ spec }) => spec.renewTime !== renewTime,
      { timeoutMs: 60_000, everyMs: 50 },
    );
    const held = Date.now();
    await sandbox.agents.waitForBreaker(
      'courier',
      'Open in 2 of 2 pods',
      ({ status }) => status?.state === 'Open' && status.pods?.open === 2,
    );
    const right = Date.now();
    expect(right - held).toBeLessThanOrEqual(LEASE_MS);
    expect(right - killed).toBeLessThanOrEqual(3 * LEASE_MS);

    const after = since(before, await traffic.report());
    await traffic.run(undefined);
    expect(after.answered).toBeGreaterThan(20);
    expect(Object.keys(after.outcomes)).toEqual(['200']);
  });

  it('recovers from a deleted ConfigMap and status, and pods follow the next edit', async () => {
    await operatorPod();
    await sandbox.api.remove('configmaps', sandbox.namespace, 'porter-configuration');
    await sandbox.api.mergePatch(
      'agentdeployments',
      sandbox.namespace,
      'porter',
      { status: null },
      'status',
    );
    await waitFor(
      'the ConfigMap is there again',
      () => sandbox.api.find('configmaps', sandbox.namespace, 'porter-configuration'),
      (found) => found !== undefined,
    );
    const agent = await sandbox.agents.waitForAgent('porter');
    expect(agent.status?.configuration?.revision).toMatch(/^\d+-\d+$/);

    const ways = await sandbox.ways('porter');
    await sandbox.apply(sandbox.limit('porter', 'porter', { capacity: 1, amount: 1, per: '1h' }));
    await enforcedEverywhere(ways, 'it is limited', ({ status }) => status === 429);
  });

  it('restores a configuration that somebody edits by hand', async () => {
    const read = (): Promise<{ data?: Record<string, string> }> =>
      sandbox.api.get<ConfigMap>('configmaps', sandbox.namespace, 'porter-configuration');
    const { data } = await read();
    await sandbox.api.mergePatch('configmaps', sandbox.namespace, 'porter-configuration', {
      data: { 'configuration.json': '{"not": "a configuration"' },
    });
    const after = await waitFor('the ConfigMap is as it was', read, ({ data: now }) => {
      try {
        return JSON.parse(now?.['configuration.json'] ?? '') !== undefined;
      } catch {
        return false;
      }
    });
    const content = (text?: string): unknown =>
      (JSON.parse(text ?? '') as { content: unknown }).content;
    expect(content(after.data?.['configuration.json'])).toEqual(
      content(data?.['configuration.json']),
    );
  });
});

interface ConfigMap {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}
