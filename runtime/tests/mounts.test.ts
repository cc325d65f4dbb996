/** Configurations that need mounts which the pod of an earlier template lacks. */
import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../../contract/generated/types.ts';
import { mountName, shutdownName } from '../../contract/mounts.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime, type StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { answerJson, fakeEndpoint, MESSAGE } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const FAILURES = { perMinute: 30, maxAddresses: 100 };

/** A pod of this template, before its Secrets; and the configuration before and after an edit that adds keys of clients. */
async function scene(template: (path: string) => string[] = () => []): Promise<{
  before: Configuration;
  after: Configuration;
  start: (from: Configuration) => Promise<StartedRuntime>;
}> {
  const endpoint = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  cleanups.add(() => endpoint.close());
  const directory = await mkdtemp(join(tmpdir(), 'mounts-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'alice'), 'key-alice\n');
  const apiKeys = { path: directory, secret: 'team' };
  const auth = { type: 'APIKeys', failures: FAILURES, apiKeys } as const;
  const before = configuration(endpoint.url);
  const after = configuration(endpoint.url, { auth }, { term: 1, counter: 2 });
  const mounts = new Set([shutdownName(before.content.shutdown), ...template(directory)]);
  const formerPath = join(directory, '..former.json');
  const start = async (from: Configuration): Promise<StartedRuntime> => {
    const agent = await startRuntime(from, undefined, { mounts, formerPath });
    cleanups.add(() => agent.stop());
    return agent;
  };
  return { before, after, start };
}

const ready = async ({ metricsUrl }: StartedRuntime): Promise<number> =>
  (await fetch(`${metricsUrl}/health/ready`)).status;

it('a pod without the mount for new keys of clients serves as before, and says so', async () => {
  const { before, after, start } = await scene();
  const agent = await start(before);
  expect(agent.runtime.configuration.offerPush(1, after)).toBe('Applied');
  expect((await send(agent.url)).status).toBe(200);
  expect(await ready(agent)).toBe(200);
  expect(agent.runtime.snapshot().configuration).toMatchObject({
    hash: after.hash,
    waiting: ['auth'],
  });
  const metrics = await (await fetch(`${agent.metricsUrl}/metrics`)).text();
  expect(metrics).toContain('configuration_waiting{part="auth"} 1');
});

it('its process serves as before after a restart too', async () => {
  const { before, after, start } = await scene();
  const agent = await start(before);
  await agent.runtime.close();
  const again = await start(after);
  expect((await send(again.url)).status).toBe(200);
  expect(await ready(again)).toBe(200);
});

it('a new pod of the earlier template is not ready, as it would refuse everybody', async () => {
  const { after, start } = await scene();
  const agent = await start(after);
  expect(await ready(agent)).toBe(503);
  expect((await send(agent.url)).status).toBe(401);
});

it('a pod with the mount refuses clients without a key at once', async () => {
  const { before, after, start } = await scene((path) => [mountName(path, 'team')]);
  const agent = await start(before);
  agent.runtime.configuration.offerPush(1, after);
  expect((await send(agent.url)).status).toBe(401);
  const headers = { authorization: 'Bearer key-alice' };
  expect((await send(agent.url, { headers })).status).toBe(200);
  expect(agent.runtime.snapshot().configuration.waiting).toBeUndefined();
});
