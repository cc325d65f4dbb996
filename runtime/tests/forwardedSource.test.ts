/** Whose address counts for a request that one pod of an agent forwards to another. */
import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import { configuration } from '../testing/configuration.ts';
import { CONVERSATION, beginConversation, said } from '../testing/conversation.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerStream, fakeEndpoint } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const AUDIT = {
  ...{ stdout: true, memoryEvents: 100, bufferBytes: 1024 * 1024, required: false },
  ...{ authenticationIntervalMs: 3_600_000, argumentsOf: [] },
};
const CLIENT = '127.0.0.9';
const POD = '127.0.0.1';

/** Two pods of an agent that hold these keys of the provider. The first one has the conversation. */
async function pods(keys: readonly (string | undefined)[]): Promise<StartedRuntime[]> {
  const model = await fakeEndpoint((response) => answerStream(response, said({ text: 'Good.' })));
  cleanups.add(() => model.close());
  const places = new Map<string, string>();
  const started: StartedRuntime[] = [];
  for (const [i, key] of keys.entries()) {
    const directory = await mkdtemp(join(tmpdir(), 'provider-'));
    cleanups.add(() => rm(directory, { recursive: true }));
    const path = join(directory, 'key');
    if (key !== undefined) await writeFile(path, key);
    const credential = key === undefined ? {} : { credential: { path, secret: 's', key: 'key' } };
    const endpoint = { name: 'primary', provider: 'Anthropic' as const, baseURL: model.url };
    const whole = configuration(model.url, {
      audit: AUDIT,
      endpoints: [{ ...endpoint, model: 'claude-test', ...credential }],
      conversation: { ...CONVERSATION, peers: 'triage-headless.default.svc' },
    });
    const self = `10.0.0.${i + 1}`;
    const pod = await startRuntime(whole, undefined, {
      peers: {
        self,
        resolve: () => Promise.resolve([...places.keys()]),
        locate: (address) => places.get(address)!,
      },
    });
    cleanups.add(() => pod.stop());
    places.set(self, new URL(pod.url).host);
    started.push(pod);
  }
  return started;
}

/** Sends a message from the address of the client. */
function sayTo({ url }: StartedRuntime, id: string, headers = {}): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const to = new URL(`/v1/conversations/${id}/messages`, url);
  const asked = request(to, { method: 'POST', localAddress: CLIENT, headers }, (response) => {
    response.resume().on('end', () => resolve(response.statusCode!));
  });
  asked.on('error', reject).end('{"content":"Hello"}');
  return promise;
}

/** The address of the last request for a message that a pod recorded. */
async function lastSource(pod: StartedRuntime): Promise<string | undefined> {
  const made = (): SealedEvent[] =>
    pod.audited
      .map((line) => JSON.parse(line) as SealedEvent)
      .filter(({ metadata }) => metadata.event_code === 'RequestMade');
  await until(() => made().length === 2);
  return made().at(-1)!.src_endpoint?.ip;
}

const KEY = 'sk-of-the-agent-at-its-provider';

it('the client’s counts, as the sibling shows that it is one', async () => {
  const [owner, other] = (await pods([KEY, KEY])) as [StartedRuntime, StartedRuntime];
  const id = await beginConversation(owner.url);
  expect(await sayTo(other, id)).toBe(200);
  expect(await lastSource(owner)).toBe(CLIENT);
});

it.each([
  ['the pods hold different keys', [KEY, 'sk-of-another-agent-there']],
  ['the pods hold none', [undefined, undefined]],
])('the sibling’s counts while %s', async (_, keys) => {
  const [owner, other] = (await pods(keys)) as [StartedRuntime, StartedRuntime];
  const id = await beginConversation(owner.url);
  await sayTo(other, id);
  expect(await lastSource(owner)).toBe(POD);
});

it.each(['1', '203.0.113.7', `${Date.now()} 203.0.113.7 ${'A'.repeat(43)}`])(
  'a client cannot name another address: %s',
  async (forged) => {
    const [owner] = (await pods([KEY])) as [StartedRuntime];
    const id = await beginConversation(owner.url);
    await sayTo(owner, id, { 'x-breakwater-forwarded': forged });
    expect(await lastSource(owner)).toBe(CLIENT);
  },
);
