import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { condition, hasCondition } from '../kit/conditions.ts';
import { plugin } from '../kit/plugin.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { since, type TrafficReport } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

const AGENT = 'bakery';
const KEY = 'key-of-alice';

/**
 * A node that is short of processors sends requests to pods that have ended. drain.test.ts judges that; a pod that an edit
 * makes refuse answers 401 or 503 with another reason.
 */
const LATE = new Set(['503 Draining', 'failed ECONNREFUSED', 'failed ECONNRESET']);

type Spec = Record<string, unknown>;

describe('edits under load', () => {
  let sandbox: Sandbox;
  let baseURL: string;
  /** Clients of which one streams. All show a key that is valid all along. */
  let clients: RemoteTraffic[];

  const keys = (name: string): Spec => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { alice: KEY },
  });
  const quota = (pods: number): Spec => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'pods' },
    spec: { hard: { pods } },
  });

  beforeAll(async () => {
    sandbox = await Sandbox.open('edits');
    const [model, ...traffic] = await Promise.all([
      sandbox.model('oven', 9701),
      sandbox.traffic('guests', 9702),
      sandbox.traffic('listeners', 9703),
    ]);
    ({ baseURL } = model);
    clients = traffic;
    await sandbox.apply(
      ...['flour', 'sugar'].map((name) => sandbox.secret(name, `key-in-${name}`)),
      ...['menu', 'menu-2'].map(keys),
      sandbox.agent({ name: AGENT, replicas: 2, baseURL, drainTimeout: '1s' }),
    );
    await sandbox.served(AGENT, clients[0]!);
  });

  afterAll(() => sandbox.close());

  const agent = (): ReturnType<typeof sandbox.agents.agent> => sandbox.agents.agent(AGENT);
  const change = (spec: Spec): Promise<unknown> =>
    sandbox.api.mergePatch('agentdeployments', sandbox.namespace, AGENT, { spec });
  const observed = (): Promise<unknown> =>
    waitFor(
      'the operator has seen the edit',
      agent,
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
  const settled = (): Promise<unknown> =>
    waitFor(
      'all pods have the last edit',
      agent,
      (found) =>
        found.status?.observedGeneration === found.metadata.generation &&
        hasCondition(found, 'Ready', 'True') &&
        hasCondition(found, 'Progressing', 'False', 'RolledOut'),
      { timeoutMs: 120_000 },
    );
  /** Pods, once those of former templates are gone: until they end they serve under what they can serve. */
  const replaced = (): Promise<unknown[]> =>
    waitFor(
      'former pods are gone',
      () => sandbox.api.list('pods', sandbox.namespace),
      (all) => all.every(({ metadata }) => metadata.deletionTimestamp === undefined),
      { timeoutMs: 60_000 },
    );
  const stranger = async (): Promise<Record<string, number>> => {
    const { outcomes } = await clients[0]!.burst({
      ...{ url: sandbox.url(AGENT), count: 10, concurrency: 2, apiKey: 'guess' },
    });
    return outcomes;
  };
  /** Requests by outcome, while `work` is done. */
  const during = async (work: () => Promise<void>): Promise<TrafficReport['outcomes'][]> => {
    const before = await Promise.all(clients.map((each) => each.report()));
    const plan = { url: sandbox.url(AGENT), rate: 20, apiKey: KEY };
    await Promise.all(clients.map((each, i) => each.run({ ...plan, stream: i > 0 })));
    await work();
    await Promise.all(clients.map((each) => each.run(undefined)));
    return Promise.all(
      clients.map(async (each, i) => {
        const after = await waitFor(
          'all are answered',
          () => each.report(),
          ({ sent, answered }) => sent === answered,
        );
        return since(before[i]!, after).outcomes;
      }),
    );
  };
  /** Outcomes other than an answer, of each client. */
  const refusals = (all: TrafficReport['outcomes'][]): string[][] =>
    all.map((outcomes) => {
      expect(outcomes['200']).toBeGreaterThan(50);
      return Object.keys(outcomes).filter((each) => each !== '200' && !LATE.has(each));
    });

  const endpoint = (secret: string | null): Spec => ({
    model: {
      endpoints: [
        {
          ...{ name: 'north', baseURL },
          ...(secret !== null && { apiKeySecretRef: { name: secret, key: 'api-key' } }),
        },
      ],
    },
  });
  const auth = (secret: string): Spec => ({
    auth: { type: 'APIKeys', apiKeys: { secretRef: { name: secret } } },
  });
  const noAuth = { auth: { type: 'None', apiKeys: null } };
  const headersFrom = [{ name: 'x-token', secretKeyRef: { name: 'sugar', key: 'api-key' } }];
  const cpu = { containers: [{ name: 'agent', resources: { requests: { cpu: '25m' } } }] };

  const edits = (): Spec[] => [
    endpoint('flour'),
    auth('menu'),
    { cache: { mode: 'Exact' } },
    { ...endpoint('sugar'), ...auth('menu-2') },
    { conversation: { maxMessages: 60 } },
    { replicas: 3 },
    { telemetry: { tracing: { endpoint: 'http://nowhere.invalid:4318', headersFrom } } },
    { podTemplate: { spec: cpu } },
    noAuth,
    { timeouts: { request: '1m' }, bulkhead: { maxConcurrent: 50 } },
    { ...auth('menu'), ...endpoint(null), cache: { mode: 'Disabled' } },
    { shutdown: { drainTimeout: '2s' }, replicas: 2, telemetry: { tracing: null } },
  ];

  it('refuse no client whose key is valid all along', async () => {
    const outcomes = await during(async () => {
      await sandbox.apply(sandbox.breaker('oven', AGENT));
      for (const edit of edits()) {
        await change(edit);
        await observed();
      }
      const each = { refill: { amount: 100, per: '1s' }, capacity: 1000, key: { type: 'Client' } };
      await sandbox.apply({
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'RateLimitPolicy',
        metadata: { name: 'fair' },
        spec: { targetRefs: [{ name: AGENT }], scope: 'Pod', limits: [{ name: 'each', ...each }] },
      });
      await settled();
    });
    expect(refusals(outcomes)).toEqual([[], []]);
    await replaced();
    expect(await stranger()).toEqual({ '401 Unauthorized': 10 });
  });

  it('that turn authentication on refuse nobody while a quota holds the rollout, and say so', async () => {
    await change(noAuth);
    await settled();
    await sandbox.apply(quota((await replaced()).length));
    const outcomes = await during(async () => {
      await change(auth('menu'));
      await waitFor('authentication is pending in both pods', agent, (found) => {
        const ready = condition(found, 'Ready');
        const message = ready?.reason === 'AuthPending' ? ready.message : '';
        return message.startsWith('2 of 2 pods serve') && message.includes('exceeded quota');
      });
      expect(await stranger()).toEqual({ '200': 10 });
      const { text } = await plugin(sandbox.kubectl.environment, [
        ...['why', AGENT, '--namespace', sandbox.namespace],
      ]);
      expect(text).toMatch(/says AuthPending since .*exceeded quota/s);
      await sandbox.api.remove('resourcequotas', sandbox.namespace, 'pods');
      await settled();
    });
    expect(refusals(outcomes)).toEqual([[], []]);
    await replaced();
    expect(await stranger()).toEqual({ '401 Unauthorized': 10 });
  });
});
