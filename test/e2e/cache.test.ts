import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PodClient } from '../kit/enforcement.ts';
import type { Answer } from '../kit/messages.ts';
import { portForward } from '../kit/portForward.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const AGENT = 'librarian';
const MISS = 'breakwater; fwd=miss';
const HIT = /^breakwater; hit; detail=(hot|warm|cold)$/;

describe('an agent that caches answers', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pods: PodClient[];

  const agent = (cache: Record<string, unknown>): Record<string, unknown> =>
    sandbox.agent({ name: AGENT, baseURL: model.baseURL, replicas: 2, spec: { cache } });

  beforeAll(async () => {
    sandbox = await Sandbox.open('cache');
    model = await sandbox.model('author', 9641);
    await sandbox.apply(agent({ mode: 'Exact' }));
    await sandbox.agents.waitForAgent(AGENT);
    pods = await sandbox.ways(AGENT);
  });

  beforeEach(() => model.control.resetRequests());

  afterAll(() => sandbox.close());

  const told = ({ headers }: Answer): string => String(headers['cache-status']);
  const asked = async (): Promise<number> => (await model.control.requests()).total;

  it.each([false, true])(
    'answers a repeated request from its cache, streamed: %s',
    async (stream) => {
      const [pod] = pods;
      const first = await pod!.send({ stream });
      expect([first.status, told(first)]).toEqual([200, MISS]);
      await model.control.setFault({ disconnect: true });
      try {
        const again = await pod!.send({ stream });
        expect([again.status, told(again)]).toEqual([200, 'breakwater; hit; detail=warm']);
        expect(again.body).toBe(first.body);
        expect(told(await pod!.send({ stream }))).toBe('breakwater; hit; detail=hot');
        expect(Number(again.headers.age)).toBeGreaterThanOrEqual(0);
      } finally {
        await model.control.setFault(undefined);
      }
      expect(await asked()).toBe(1);
    },
  );

  it('makes one call for many identical requests at the same time', async () => {
    const body = JSON.stringify({
      model: 'claude-sonnet-5-5',
      max_tokens: 16,
      messages: [{ role: 'user', content: 'Which page?' }],
    });
    await model.control.setFault({ firstTokenMs: 2000 });
    try {
      const answers = await Promise.all(Array.from({ length: 20 }, () => pods[0]!.send({ body })));
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
      expect(new Set(answers.map((answer) => answer.body)).size).toBe(1);
    } finally {
      await model.control.setFault(undefined);
    }
    expect(await asked()).toBe(1);
  });

  it('empties its cache in every pod for a changed resetToken, without a restart', async () => {
    for (const pod of pods) {
      await pod.send();
      expect(told(await pod.send())).toMatch(HIT);
    }
    await sandbox.apply(agent({ mode: 'Exact', resetToken: 'second edition' }));
    for (const pod of pods) {
      await pod.until('the cache is empty', (answer) => told(answer) === MISS);
      expect(told(await pod.send())).toMatch(HIT);
    }
  });

  it('shows its statistics on the debug port', async () => {
    const [ready] = await sandbox.agents.readyPods(AGENT);
    const name = `pod/${ready!.metadata.name}`;
    const way = await portForward(sandbox.kubectl, sandbox.namespace, name, 9091);
    try {
      const page = (await (await fetch(`${way.url}/debug/cache`)).json()) as object;
      expect(page).toMatchObject({
        mode: 'Exact',
        scope: 'PerPrincipal',
        clears: 1,
        tiers: {
          hot: { maxEntries: 100, ttlMs: 300_000 },
          warm: { maxEntries: 500, ttlMs: 1_800_000 },
          cold: { maxEntries: 2000, ttlMs: 3_600_000 },
        },
      });
    } finally {
      way.stop();
    }
  });

  it('caches nothing once the cache is off', async () => {
    await sandbox.apply(agent({ mode: 'Disabled' }));
    await waitFor(
      'answers say nothing of a cache',
      () => pods[0]!.send(),
      ({ headers }) => headers['cache-status'] === undefined,
    );
    await model.control.resetRequests();
    for (let i = 0; i < 2; i += 1) await pods[0]!.send();
    expect(await asked()).toBe(2);
  });
});
