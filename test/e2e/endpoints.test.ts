import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { NOTHING_LEFT, Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const AGENT = 'steadfast';
const SHARED = 'shared';

describe('an agent with several endpoints', () => {
  let sandbox: Sandbox;
  let north: SandboxModel;
  let south: SandboxModel;
  let pod: PodClient;

  const agent = (name: string, model: Record<string, unknown>): Record<string, unknown> =>
    sandbox.agent({
      name,
      baseURL: north.baseURL,
      pool: model,
      spec: { retry: { maxAttempts: 2, baseDelay: '20ms', maxDelay: '50ms' } },
    });

  beforeAll(async () => {
    sandbox = await Sandbox.open('endpoints');
    [north, south] = await Promise.all([
      sandbox.model('north', 9611),
      sandbox.model('south', 9612),
    ]);
    await sandbox.apply(
      sandbox.secret('north', 'key-of-north'),
      sandbox.secret('south', 'key-of-south'),
      agent(AGENT, {
        endpoints: [
          { name: 'north', baseURL: north.baseURL, apiKeySecretRef: { name: 'north' } },
          {
            name: 'south',
            baseURL: south.baseURL,
            apiKeySecretRef: { name: 'south' },
            priority: 10,
          },
        ],
      }),
      sandbox.breaker(AGENT, AGENT, {
        trip: { consecutiveFailures: 3 },
        openDuration: '8s',
      }),
      agent(SHARED, {
        loadBalancing: 'Weighted',
        endpoints: [
          { name: 'north', baseURL: north.baseURL },
          { name: 'south', baseURL: south.baseURL, weight: 3 },
        ],
      }),
    );
    await sandbox.agents.waitForAgent(AGENT);
    await sandbox.agents.waitForAgent(SHARED);
    pod = (await sandbox.ways(AGENT))[0]!;
  });

  beforeEach(async () => {
    await Promise.all(
      [north, south].flatMap(({ control }) => [
        control.setFault(undefined),
        control.resetRequests(),
      ]),
    );
  });

  afterAll(() => sandbox.close());

  const seen = async (): Promise<[number, number]> => [
    (await north.control.requests()).total,
    (await south.control.requests()).total,
  ];

  /** The different outcomes of `count` requests. */
  async function outcomes(of: PodClient, count: number): Promise<string[]> {
    const found = new Set<string>();
    for (let i = 0; i < count; i += 1) {
      found.add(outcome(await of.send({ stream: i % 2 === 0 })));
    }
    return [...found];
  }

  const status = (): Promise<AgentDeployment> =>
    sandbox.api.get<AgentDeployment>('agentdeployments', sandbox.namespace, AGENT);

  /** Waits for a state of the endpoint north in the status. */
  function northIs(
    what: string,
    is: (north: { circuit: string; gate?: string; until?: string }, summary?: string) => boolean,
  ): Promise<AgentDeployment> {
    return waitFor(`status shows that north ${what}`, status, (found) => {
      const dependency = found.status?.dependencies?.find(({ name }) => name === 'model/north');
      return dependency !== undefined && is(dependency, found.status?.summary?.circuits);
    });
  }

  it('fails no request during an outage of its primary, and returns to it afterwards', async () => {
    expect(await outcomes(pod, 4)).toEqual(['200']);
    expect(await seen()).toEqual([4, 0]);
    await north.control.setFault({ disconnect: true });
    expect(await outcomes(pod, 20)).toEqual(['200']);
    expect((await seen())[1]).toBe(20);
    await northIs('is open', ({ circuit }, summary) => circuit === 'Open' && summary === '1/2');
    expect((await sandbox.columns('agentdeployments', AGENT)).CIRCUITS).toBe('1/2');
    await north.control.setFault(undefined);
    await waitFor(
      'north serves again',
      async () => {
        expect(outcome(await pod.send())).toBe('200');
        await south.control.resetRequests();
        expect(await outcomes(pod, 3)).toEqual(['200']);
        return seen();
      },
      ([, fallback]) => fallback === 0,
    );
    await northIs('is closed', ({ circuit }, summary) => circuit === 'Closed' && summary === '2/2');
  });

  it('shows its endpoints on the debug port', async () => {
    const [ready] = await sandbox.agents.readyPods(AGENT);
    const name = `pod/${ready!.metadata.name}`;
    const way = await portForward(sandbox.kubectl, sandbox.namespace, name, 9091);
    try {
      const response = await fetch(`${way.url}/debug/endpoints`);
      const text = await response.text();
      expect(text).not.toContain('key-of-');
      expect(JSON.parse(text)).toMatchObject({
        loadBalancing: 'LeastLoaded',
        endpoints: [
          { dependency: 'model/north', priority: 0, availability: 'Usable' },
          { dependency: 'model/south', priority: 10, availability: 'Usable' },
        ],
      });
    } finally {
      way.stop();
    }
  });

  it('shares requests by weight', async () => {
    const [way] = await sandbox.ways(SHARED);
    expect(await outcomes(way!, 100)).toEqual(['200']);
    const [few, many] = await seen();
    expect(few + many).toBe(100);
    // Expects one in four. Four standard deviations are 17.
    expect(Math.abs(few - 25)).toBeLessThan(18);
  });

  it('says when the first endpoint may serve again if none can serve now', async () => {
    await Promise.all([north, south].map(({ control }) => control.setFault({ status: 503 })));
    await pod.until('both circuits are open', (answer) =>
      outcome(answer).startsWith('503 CircuitBreakerOpen'),
    );
    const refused = await pod.send();
    expect(outcome(refused)).toBe('503 CircuitBreakerOpen');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(5);
    await Promise.all([north, south].map(({ control }) => control.setFault(undefined)));
    await pod.until('one serves again', (answer) => answer.status === 200, { everyMs: 100 });
  });

  it('skips an endpoint while its provider asks to wait for an hour', async () => {
    await waitFor('no circuit is open', status, ({ status: shown }) =>
      shown!.dependencies!.every(({ circuit }) => circuit !== 'Open'),
    );
    await waitFor(
      'north serves',
      async () => {
        await north.control.resetRequests();
        await pod.send();
        return (await seen())[0];
      },
      (served) => served === 1,
    );
    await north.control.setFault({ status: 429, retryAfter: 3600, headers: NOTHING_LEFT });
    await Promise.all([north, south].map(({ control }) => control.resetRequests()));
    expect(await outcomes(pod, 10)).toEqual(['200']);
    expect(await seen()).toEqual([1, 10]);
    const { status: shown } = await northIs('is held back', ({ gate }) => gate === 'RateLimited');
    const { until = '' } = shown!.dependencies!.find(({ name }) => name === 'model/north')!;
    // The default of retry.maxProviderWait, after which one call is admitted.
    expect(Date.parse(until) - Date.now()).toBeGreaterThan(4 * 60_000);
  });
});
