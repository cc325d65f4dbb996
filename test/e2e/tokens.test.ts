import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PodClient } from '../kit/enforcement.ts';
import type { PortForward } from '../kit/portForward.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(120_000);

const CAPACITY = 10_000;
/** So little that almost no tokens return during a test. */
const REFILL = { amount: 1, per: '1h' };

interface Page {
  limits: { name: string; tokens: number }[];
}

describe('limits on tokens', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;
  let debug: PortForward;

  beforeAll(async () => {
    sandbox = await Sandbox.open('tokens');
    model = await sandbox.model('abacus', 9801);
    const limit = (name: string, resource: string) => ({
      name,
      resource,
      refill: REFILL,
      capacity: CAPACITY,
    });
    await sandbox.apply(
      sandbox.agent({
        name: 'clerk',
        baseURL: model.baseURL,
        spec: { retry: { maxAttempts: 1 } },
      }),
      {
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'RateLimitPolicy',
        metadata: { name: 'ledger' },
        spec: {
          targetRefs: [{ name: 'clerk', sectionName: 'model/north' }],
          scope: 'Pod',
          limits: [limit('output', 'OutputTokens'), limit('total', 'TotalTokens')],
        },
      },
    );
    await sandbox.agents.waitForAgent('clerk');
    pod = (await sandbox.ways('clerk'))[0]!;
    const target = `pod/${pod.pod}`;
    debug = await portForward(sandbox.kubectl, sandbox.namespace, target, 9091);
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
    await model.control.resetRequests();
  });

  afterAll(async () => {
    debug?.stop();
    await sandbox.close();
  });

  const levels = async (): Promise<Record<string, number>> => {
    const page = (await (await fetch(`${debug.url}/debug/rate_limiter`)).json()) as Page;
    return Object.fromEntries(page.limits.map(({ name, tokens }) => [name, Math.floor(tokens)]));
  };

  it('charge the exact usage of answers, streamed or not', async () => {
    await model.control.setFault({ inputTokens: 300, outputTokens: 41 });
    for (let sent = 0; sent < 10; sent += 1) {
      expect(outcome(await pod.send({ stream: sent % 2 === 0 }))).toBe('200');
    }
    expect(await levels()).toEqual({ output: CAPACITY - 410, total: CAPACITY - 3410 });
  });

  it('reserve the maximum that a call may use, and return the rest', async () => {
    const before = await levels();
    await model.control.setFault({ inputTokens: 12, outputTokens: 3, firstTokenMs: 2000 });
    const call = pod.send();
    await waitFor('it has reserved', levels, (now) => now['output']! < before['output']!);
    // max_tokens of the request.
    expect((await levels())['output']).toBe(before['output']! - 64);
    expect(outcome(await call)).toBe('200');
    expect(await levels()).toEqual({ output: before['output']! - 3, total: before['total']! - 15 });
  });

  it('return all tokens of calls that the model did not serve', async () => {
    const before = await levels();
    await model.control.setFault({ status: 500 });
    expect(outcome(await pod.send())).toBe('500');
    expect(await levels()).toEqual(before);
  });

  it('fall below zero after a longer answer than expected, and then reject', async () => {
    const before = await levels();
    await model.control.setFault({ inputTokens: 1, outputTokens: CAPACITY });
    expect(outcome(await pod.send())).toBe('200');
    expect((await levels())['output']).toBe(before['output']! - CAPACITY);
    expect(outcome(await pod.send())).toBe('429 RateLimited');
    expect((await model.control.requests()).total).toBe(1);
  });
});
