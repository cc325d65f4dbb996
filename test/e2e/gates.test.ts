import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { condition } from '../kit/conditions.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome, saidSeconds } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { NOTHING_LEFT, Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const HOUR = 3600;
/** The default of retry.maxProviderWait, in seconds, and the most that a pod adds to it. */
const MAX_WAIT = 300;
const SPREAD = 10;
const AGENTS = ['limited', 'spender', 'stranger', 'taught', 'host'] as const;
const refusalTime = (seen: AgentDeployment): number =>
  Date.parse(seen.status?.dependencies?.[0]?.until ?? '') - Date.now();

describe('an agent whose provider', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  const pods: Partial<Record<(typeof AGENTS)[number], PodClient>> = {};

  beforeAll(async () => {
    sandbox = await Sandbox.open('gates');
    model = await sandbox.model('customs', 9811);
    for (const name of AGENTS) {
      // The agent named host forwards the credentials of its clients.
      const secret = name === 'host' ? undefined : `${name}-key`;
      await sandbox.apply(
        ...(secret === undefined ? [] : [sandbox.secret(secret, `${name}-1`)]),
        sandbox.agent({ name, baseURL: model.baseURL, ...(secret && { secret }) }),
        sandbox.breaker(name, name, { openDuration: '1h', maxOpenDuration: '1h' }),
      );
    }
    for (const name of AGENTS) {
      await sandbox.agents.waitForAgent(name);
      pods[name] = (await sandbox.ways(name))[0]!;
    }
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
    await model.control.resetRequests();
  });

  afterAll(() => sandbox.close());

  const gate = (name: string, expected: string): Promise<AgentDeployment> =>
    waitFor(
      `the gate of ${name} is ${expected}`,
      () => sandbox.agents.agent(name),
      ({ status }) => status?.dependencies?.[0]?.gate === expected,
    );

  /** Replaces the key in the Secret, and changes the pod so that the kubelet updates it at once. */
  async function changeSecret(name: string): Promise<void> {
    await sandbox.apply(sandbox.secret(`${name}-key`, `${name}-2`));
    const [pod] = await sandbox.agents.readyPods(name);
    await sandbox.api.mergePatch('pods', sandbox.namespace, pod!.metadata.name, {
      metadata: { annotations: { looked: 'again' } },
    });
  }

  it('asks to wait for an hour answers 429 at once, shows until when in the status, and affects no other agent', async () => {
    await model.control.setFault({ status: 429, retryAfter: HOUR, headers: NOTHING_LEFT });
    expect(outcome(await pods.limited!.send())).toBe('429');
    await model.control.setFault(undefined);
    const second = await pods.limited!.send();
    expect(outcome(second)).toBe('429 RateLimited');
    expect(saidSeconds(second)).toBeGreaterThan(MAX_WAIT - 60);
    expect(outcome(await pods.spender!.send())).toBe('200');
    const seen = await gate('limited', 'RateLimited');
    expect(refusalTime(seen)).toBeGreaterThan((MAX_WAIT - 60) * 1000);
    expect(refusalTime(seen)).toBeLessThanOrEqual((MAX_WAIT + SPREAD) * 1000);
    expect(condition(seen, 'DependenciesHealthy')?.status).toBe('False');
    expect(condition(seen, 'Ready')?.status).toBe('True');
    const other = await sandbox.agents.agent('spender');
    expect(other.status?.dependencies?.[0]?.gate).toBe('None');
    expect((await model.control.requests()).byStatus).toEqual({ 200: 1, 429: 1 });
  });

  it('reports a spend limit tells clients not to retry', async () => {
    await model.control.setFault({ status: 402 });
    expect(outcome(await pods.spender!.send())).toBe('402');
    await pods.spender!.until(
      'calls are refused, not to be made again',
      (answer) =>
        outcome(answer) === '503 SpendLimit' && answer.headers['x-should-retry'] === 'false',
    );
    // One call is tried after 1 s, then after twice as long, and so on.
    expect((await model.control.requests()).total).toBeLessThanOrEqual(3);
    await gate('spender', 'SpendLimit');
  });

  it('refuses the key serves again once the Secret is replaced', async () => {
    await model.control.setFault({ status: 401 });
    expect(outcome(await pods.stranger!.send())).toBe('401');
    // One refusal may be a chance. Then one call is tried after 1 s, then after twice as long, and so on.
    await pods.stranger!.until(
      'calls are refused',
      (answer) => outcome(answer) === '503 CredentialRefused',
    );
    await gate('stranger', 'Unauthorized');
    await model.control.setFault(undefined);
    await changeSecret('stranger');
    await pods.stranger!.until('the new key is tried', ({ status }) => status === 200, {
      timeoutMs: 120_000,
      everyMs: 100,
    });
    const seen = await gate('stranger', 'None');
    expect(seen.status?.readyReplicas).toBe(1);
  });

  it('states limits in headers keeps to them and shows them on the debug port', async () => {
    const reset = new Date(Date.now() + HOUR * 1000).toISOString();
    const headers = {
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': reset,
    };
    await model.control.setFault({ headers });
    expect(outcome(await pods.taught!.send())).toBe('200');
    const second = await pods.taught!.send();
    expect(outcome(second)).toBe('429 RateLimited');
    expect(saidSeconds(second)).toBeGreaterThan(HOUR / 60 - 10);
    expect((await model.control.requests()).total).toBe(1);
    await gate('taught', 'RateLimited');
    const target = `pod/${pods.taught!.pod}`;
    const way = await portForward(sandbox.kubectl, sandbox.namespace, target, 9091);
    try {
      const state: unknown = await (await fetch(`${way.url}/debug/state`)).json();
      expect(state).toMatchObject({
        providerLimits: [
          { dependency: 'model/north', resource: 'Requests', remaining: 0, limit: 60 },
        ],
      });
    } finally {
      way.stop();
    }
  });

  it('stops serving the key of one client holds back that client alone, and its status shows no gate', async () => {
    const as = (key: string) => ({ headers: { 'x-api-key': key } });
    await model.control.setFault({ status: 402 });
    expect(outcome(await pods.host!.send(as('poor')))).toBe('402');
    await model.control.setFault(undefined);
    expect(outcome(await pods.host!.send(as('poor')))).toBe('503 SpendLimit');
    expect(outcome(await pods.host!.send(as('rich')))).toBe('200');
    const { status } = await sandbox.agents.agent('host');
    expect(status?.dependencies).toMatchObject([{ name: 'model/north', gate: 'None' }]);
  });
});
