import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../guard/clock.ts';
import type { SealedEvent } from '../../contract/audit.ts';
import { otlpLogs } from '../security/audit/otlpLogs.ts';
import { OtlpSink } from '../security/audit/otlpSink.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';

const cleanups = new Cleanups();
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'collector-'));
  cleanups.add(() => rm(directory, { recursive: true }));
});
afterEach(() => cleanups.run());

interface LogRecord {
  body: { stringValue: string };
  attributes: { key: string; value: { stringValue: string } }[];
}

interface Logs {
  resourceLogs: {
    resource: { attributes: LogRecord['attributes'] };
    scopeLogs: { scope: object; logRecords: LogRecord[] }[];
  }[];
}

interface Receiver {
  url: string;
  /** Records of requests that were answered with 2xx. */
  records: LogRecord[];
  requests: { headers: Record<string, unknown>; status: number; body: Logs }[];
  answer: number;
}

const recordsIn = ({ resourceLogs }: Logs): LogRecord[] =>
  resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords));

/** A server that takes events. With an answer of 0 it never answers. */
async function receiver(): Promise<Receiver> {
  const it: Receiver = { url: '', records: [], requests: [], answer: 204 };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const status = it.answer;
      const parsed = JSON.parse(body) as Logs;
      it.requests.push({ headers: request.headers, status, body: parsed });
      if (status === 0) return;
      if (status < 300) it.records.push(...recordsIn(parsed));
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

const ORIGIN = {
  namespace: 'default',
  agent: 'triage',
  pod: 'triage-0',
  podUid: 'uid-0',
  version: '1',
};

function sinkTo(
  url: string,
  changes: Partial<ConstructorParameters<typeof OtlpSink>[0]> = {},
): OtlpSink {
  const sink = new OtlpSink({
    clock: { setTimer: (ms, fn) => systemClock.setTimer(ms / 100, fn) },
    body: (lines) => otlpLogs(ORIGIN, lines),
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
const idsOf = ({ records }: Receiver): string[] =>
  records.map(
    ({ attributes }) => attributes.find(({ key }) => key === 'log.record.uid')!.value.stringValue,
  );

describe('a collector of OpenTelemetry', () => {
  it('gets events in their order, with the headers from Secrets', async () => {
    const to = await receiver();
    const sink = sinkTo(to.url);
    for (let id = 1; id <= 250; id += 1) expect(sink.write(line(id))).toBe(true);
    await until(() => to.records.length >= 250);
    expect(idsOf(to)).toEqual(Array.from({ length: 250 }, (_, i) => `e${i + 1}`));
    expect(to.requests[0]!.headers).toMatchObject({
      'content-type': 'application/json',
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
    expect(sink.failing).toBe(true);
    to.answer = 204;
    await until(() => to.records.length > 0);
    expect(idsOf(to)[0]).toBe('e1');
    await until(() => !sink.failing);
  });

  it('gets from the next process the events that the former one could not deliver', async () => {
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
    await until(() => to.records.length >= 5);
    next.write(line(6));
    await until(() => idsOf(to).includes('e6'));
    expect(idsOf(to)).toEqual(['e1', 'e2', 'e3', 'e4', 'e5', 'e6']);
  });

  it('is bounded over memory and disk together', async () => {
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
    await until(() => to.records.length === taken);
  });

  it('removes the files of delivered events', async () => {
    const to = await receiver();
    const sink = sinkTo(to.url, { queueBytes: 64 * 1024 * 1024 });
    for (let id = 1; id <= 40; id += 1) {
      sink.write(line(id, 'x'.repeat(100_000)));
      await sink.flush();
    }
    await until(() => to.records.length >= 40);
    await until(() => sink.queuedBytes === 0);
    await until(async () => {
      const files = (await readdir(directory)).filter((name) => name.endsWith('.jsonl'));
      return files.length === 1;
    });
  });

  it('gets nothing while a Secret with one of its headers is missing', async () => {
    const to = await receiver();
    let mounted = false;
    const sink = sinkTo(to.url, { headers: () => (mounted ? [] : undefined) });
    sink.write(line(1));
    await sink.flush();
    expect(to.requests).toEqual([]);
    mounted = true;
    await until(() => to.records.length === 1);
    expect(to.requests).toHaveLength(1);
  });

  it('gets events as log records with their seals, and again until it accepts them', async () => {
    const to = await receiver();
    to.answer = 503;
    const sink = sinkTo(to.url);
    const event: SealedEvent & Record<string, unknown> = {
      ...(JSON.parse(line(1)) as SealedEvent),
      ...{ severity: 'High', trace: { uid: '4bf92f3577b34da6a3ce929d0e0e4736' } },
    };
    sink.write(JSON.stringify(event));
    sink.write(line(2));
    await until(() => to.requests.length > 0);
    to.answer = 200;
    await until(() => sink.queuedBytes === 0);
    const { body, headers } = to.requests.at(-1)!;
    expect(headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer token' }); // prettier-ignore
    const [{ resource, scopeLogs } = { resource: undefined, scopeLogs: [] }] = body.resourceLogs; // prettier-ignore
    expect(resource?.attributes).toContainEqual({ key: 'service.name', value: { stringValue: 'triage' } }); // prettier-ignore
    const [first, second] = scopeLogs[0]!.logRecords;
    expect(JSON.parse(first!.body.stringValue)).toEqual(event);
    expect(second!.body.stringValue).toBe(line(2));
    expect(first).toMatchObject({
      timeUnixNano: '1001000000',
      eventName: 'dev.breakwater.audit.RequestMade',
      ...{ severityNumber: 17, severityText: 'ERROR' },
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    });
    expect(first!.attributes).toContainEqual({ key: 'log.record.uid', value: { stringValue: 'e1' } }); // prettier-ignore
  });
});
