import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../guard/clock.ts';
import { WebhookSink } from '../security/audit/webhookSink.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';

const cleanups = new Cleanups();
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'webhook-'));
  cleanups.add(() => rm(directory, { recursive: true }));
});
afterEach(() => cleanups.run());

interface CloudEvent {
  id: string;
  type: string;
  source: string;
  specversion: string;
  data: unknown;
}

interface Receiver {
  url: string;
  /** Events of requests that were answered with 2xx. */
  events: CloudEvent[];
  requests: { headers: Record<string, unknown>; status: number }[];
  answer: number;
}

/** A server that takes events. With an answer of 0 it never answers. */
async function receiver(): Promise<Receiver> {
  const it: Receiver = { url: '', events: [], requests: [], answer: 204 };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const status = it.answer;
      it.requests.push({ headers: request.headers, status });
      if (status === 0) return;
      if (status < 300) it.events.push(...(JSON.parse(body) as CloudEvent[]));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  it.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`;
  return it;
}

function sinkTo(
  url: string,
  changes: Partial<ConstructorParameters<typeof WebhookSink>[0]> = {},
): WebhookSink {
  const sink = new WebhookSink({
    clock: { setTimer: (ms, fn) => systemClock.setTimer(ms / 100, fn) },
    url,
    timeoutMs: 2000,
    queueBytes: 1024 * 1024,
    maxBytes: 1024 * 1024,
    directory,
    headers: () => [['authorization', 'Bearer token']],
    fetch,
    onError: () => undefined,
    ...changes,
  });
  cleanups.add(() => sink.close());
  return sink;
}

const line = (id: number, more = ''): string =>
  JSON.stringify({
    time: 1000 + id,
    message: more,
    metadata: { uid: `e${id}`, event_code: 'RequestMade', source: 'default/triage/triage-0' },
  });
const idsOf = ({ events }: Receiver): string[] => events.map(({ id }) => id);

describe('the webhook', () => {
  it('gets events as CloudEvents in their order, with the headers from Secrets', async () => {
    const to = await receiver();
    const sink = sinkTo(to.url);
    for (let id = 1; id <= 250; id += 1) expect(sink.write(line(id))).toBe(true);
    await until(() => to.events.length >= 250);
    expect(idsOf(to)).toEqual(Array.from({ length: 250 }, (_, i) => `e${i + 1}`));
    expect(to.events[0]).toMatchObject({
      specversion: '1.0',
      type: 'dev.breakwater.audit.RequestMade',
      source: '/default/triage/triage-0',
      time: '1970-01-01T00:00:01.001Z',
      data: JSON.parse(line(1)) as unknown,
    });
    expect(to.requests[0]!.headers).toMatchObject({
      'content-type': 'application/cloudevents-batch+json',
      authorization: 'Bearer token',
    });
    await until(() => sink.queuedBytes === 0);
  });

  it.each([500, 400, 0])('gets events again that it answered with %i', async (status) => {
    const to = await receiver();
    to.answer = status;
    const sink = sinkTo(to.url, { timeoutMs: 100 });
    sink.write(line(1));
    await until(() => to.requests.length >= 2);
    to.answer = 204;
    await until(() => to.events.length > 0);
    expect(idsOf(to)[0]).toBe('e1');
  });

  it('gets from the next process what the one before could not deliver', async () => {
    const to = await receiver();
    to.answer = 503;
    const before = sinkTo(to.url);
    for (let id = 1; id <= 5; id += 1) before.write(line(id));
    await before.flush();
    await before.close();
    const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'));
    await appendFile(join(directory, files[0]!), '{"half":"a li');
    to.answer = 204;
    const next = sinkTo(to.url);
    await until(() => to.events.length >= 5);
    next.write(line(6));
    await until(() => idsOf(to).includes('e6'));
    expect(idsOf(to)).toEqual(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
  });

  it('takes no more than its bound, over both memory and disk', async () => {
    const to = await receiver();
    to.answer = 503;
    const sink = sinkTo(to.url, { queueBytes: 10_000 });
    let taken = 0;
    for (let id = 1; id <= 200; id += 1) {
      if (sink.write(line(id, 'x'.repeat(100)))) taken += 1;
      if (id % 20 === 0) await sink.flush();
    }
    expect(taken).toBeLessThan(60);
    expect(sink.queuedBytes).toBeLessThanOrEqual(10_000);
    to.answer = 204;
    await until(() => to.events.length === taken);
  });

  it('clears away the files of what was delivered', async () => {
    const to = await receiver();
    const sink = sinkTo(to.url, { queueBytes: 64 * 1024 * 1024 });
    for (let id = 1; id <= 40; id += 1) {
      sink.write(line(id, 'x'.repeat(100_000)));
      await sink.flush();
    }
    await until(() => to.events.length >= 40);
    await until(() => sink.queuedBytes === 0);
    await until(async () => {
      const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'));
      return files.length === 1;
    });
  });

  it('is sent nothing while a Secret with one of its headers is missing', async () => {
    const to = await receiver();
    let mounted = false;
    const sink = sinkTo(to.url, { headers: () => (mounted ? [] : undefined) });
    sink.write(line(1));
    await sink.flush();
    expect(to.requests).toEqual([]);
    mounted = true;
    await until(() => to.events.length === 1);
    expect(to.requests).toHaveLength(1);
  });
});
