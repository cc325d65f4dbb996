/** What spans with content may keep in a process with the heap of a default container. */
import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MOUNTS } from '../../contract/link.ts';
import { send } from '../testing/client.ts';
import { startCollector } from '../testing/collector.ts';
import { configuration } from '../testing/configuration.ts';
import { spanCount, tracingTo } from '../testing/failoverScene.ts';
import { askLoop, loopFlags } from '../testing/loop.ts';
import { startProcess } from '../testing/process.ts';
import { Cleanups } from '../testing/setup.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MIB = 1024 * 1024;

it('prompts of 120 KiB fill no memory while the collector hangs', async () => {
  const collector = await startCollector(() => undefined);
  cleanups.add(() => collector.close());
  const model = await fakeEndpoint((response) => answerJson(response, MESSAGE));
  cleanups.add(() => model.close());
  const directory = await mkdtemp(join(tmpdir(), 'traced-bytes-'));
  cleanups.add(() => rm(directory, { recursive: true }));
  const content = tracingTo(collector.url, { content: 'Full' });
  const text = JSON.stringify(configuration(model.url, content));
  await writeFile(join(directory, MOUNTS.configurationKey), text);
  const agent = await startProcess(directory, [
    '--max-old-space-size=256',
    ...loopFlags(directory),
  ]);
  cleanups.add(() => agent.stop());
  const long = 'x'.repeat(120 * 1024);
  const messages = [{ role: 'user', content: long }];
  const body = JSON.stringify({ model: 'claude-test', max_tokens: 16, system: long, messages });
  for (let i = 0; i < 30; i += 1) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => send(agent.agentUrl, { body })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  }
  await askLoop(directory, '/collect');
  expect((await askLoop(directory)).heapBytes).toBeLessThan(80 * MIB);
  expect(await spanCount(agent, 'queue_full')).toBeGreaterThan(0);
}, 60_000);
