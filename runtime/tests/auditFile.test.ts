import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { SealedEvent } from '../../contract/audit.ts';
import { chainHash, unsealed } from '../../contract/audit.ts';
import type { Content } from '../../contract/generated/types.ts';
import { systemClock } from '../guard/clock.ts';
import { Audit, RUNTIME } from '../security/audit/audit.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
  cleanups.add(() => rm(directory, { recursive: true }));
});
afterEach(() => cleanups.run());

const POD = { namespace: 'default', name: 'triage-0', uid: 'uid-0' };

function content(changes: Partial<NonNullable<Content['audit']>> = {}): Content {
  const audit = {
    stdout: false,
    file: { directory, maxBytes: 1_000_000, maxFiles: 3 },
    memoryEvents: 100,
    bufferBytes: 1024 * 1024,
    authenticationIntervalMs: 0,
    argumentsOf: [],
    required: false,
    ...changes,
  };
  return configuration('http://127.0.0.1:1', { audit }).content;
}

function startAudit(spec = content()): Audit {
  const audit = new Audit({
    sourceOf: () => undefined,
    clock: systemClock,
    pod: POD,
    version: '0.0.0-test',
    writeOut: () => Promise.resolve(),
    queueDirectory: join(directory, 'queue'),
    fetch,
    readHeaders: () => [],
    headPath: join(directory, 'head.json'),
    log: pino({ level: 'silent' }),
  });
  audit.apply(spec);
  return audit;
}

function record(audit: Audit, count: number, what = 'circuits.open'): void {
  for (let i = 0; i < count; i += 1) {
    audit.record({
      type: 'CircuitOpened',
      time: Date.now(),
      outcome: 'Success',
      actor: RUNTIME,
      operation: what,
      message: 'The circuit is open.',
    });
  }
}

const path = (name = 'audit.jsonl'): string => join(directory, POD.name, name);

async function eventsIn(name?: string): Promise<SealedEvent[]> {
  const lines = (await readFile(path(name), 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as SealedEvent);
}

const isIntact = (event: SealedEvent): boolean =>
  chainHash(event.unmapped!.previous_hash!, unsealed(event)) === event.unmapped!.hash;

describe('the audit in files', () => {
  it('begins a new file when one is full, and keeps a bounded number', async () => {
    const audit = startAudit(content({ file: { directory, maxBytes: 4000, maxFiles: 3 } }));
    for (let i = 0; i < 20; i += 1) {
      record(audit, 1);
      await audit.flush();
    }
    await audit.close();
    const names = (await readdir(join(directory, POD.name))).sort();
    expect(names).toHaveLength(3);
    const events = (await Promise.all(names.map((name) => eventsIn(name)))).flat();
    expect(events.at(-1)!.metadata.sequence).toBe(20);
    const first = events[0]!.metadata.sequence!;
    expect(first).toBeGreaterThan(1);
    expect(events.map(({ metadata }) => metadata.sequence)).toEqual(
      events.map((_, index) => first + index),
    );
    expect(events.every(isIntact)).toBe(true);
  });

  it('continues the chain of a process that was killed in the middle of a line', async () => {
    const killed = startAudit();
    record(killed, 3);
    await killed.flush();
    await appendFile(path(), '{"half":"a li');
    const next = startAudit();
    record(next, 1);
    await next.close();
    const events = await eventsIn();
    expect(events.map(({ metadata }) => metadata.sequence)).toEqual([1, 2, 3, 1]);
    const [, , last, first] = events;
    const { chain, hash } = last!.unmapped!;
    expect(first!.unmapped).toMatchObject({
      previous_hash: hash,
      continues: { chain, sequence: 3, hash },
    });
    expect(events.every(isIntact)).toBe(true);
  });

  it('continues from the saved head without a file', async () => {
    const spec = content({ stdout: true });
    delete spec.audit!.file;
    const before = startAudit(spec);
    record(before, 2);
    const head = before.head;
    await before.close();
    const next = startAudit(spec);
    record(next, 1);
    const { events } = await next.query({}, 1);
    expect(events[0]!.unmapped!.continues).toEqual(head);
    await next.close();
  });

  it('is queried by actor, type, outcome, conversation and time, beyond what memory holds', async () => {
    const audit = startAudit(content({ memoryEvents: 3 }));
    const client = { kind: 'Client', id: 'alice', authentication: 'APIKey' } as const;
    const made = {
      type: 'RequestMade',
      operation: 'messages.create',
      message: 'A request.',
    } as const;
    for (let time = 1; time <= 10; time += 1) {
      const outcome = time % 2 === 0 ? 'Denied' : 'Success';
      const actor = time <= 5 ? client : RUNTIME;
      const conversation = time === 4 ? 'c4' : undefined;
      const ids = { requestId: `req_${time}`, upstreamId: `up_${time}`, traceId: `t${time}` };
      audit.record({ ...made, time, outcome, actor, conversation, ...ids });
    }
    await audit.flush();
    const times = async (query: Parameters<Audit['query']>[0], limit = 100): Promise<number[]> =>
      (await audit.query(query, limit)).events.map(({ time }) => time);
    expect(await times({})).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await times({}, 4)).toEqual([10, 9, 8, 7]);
    expect(await times({ actor: 'alice' })).toEqual([5, 4, 3, 2, 1]);
    expect(await times({ outcome: 'Denied', since: 3, until: 8 })).toEqual([8, 6, 4]);
    expect(await times({ conversation: 'c4' })).toEqual([4]);
    expect(await times({ type: 'LimitHit' })).toEqual([]);
    for (const request of ['req_2', 'up_2', 't2']) expect(await times({ request })).toEqual([2]);
    await audit.close();
  });

  it('is read only back to the begin of the query', async () => {
    await mkdir(join(directory, POD.name));
    const now = Date.now();
    const audit = startAudit(content({ memoryEvents: 0 }));
    const found = async (...times: number[]): Promise<number[]> => {
      const lines = times.map((time) => `${JSON.stringify({ time, metadata: {} })}\n`);
      await writeFile(path(), lines.join(''));
      return (await audit.query({ since: now }, 9)).events.map(({ time }) => time);
    };
    // A clock that was set back a little hides nothing.
    expect(await found(now + 1, now - 59_000, now)).toEqual([now, now + 1]);
    expect(await found(now + 1, now - 61_000, now)).toEqual([now]);
    await audit.close();
  });

  it('drops and counts events beyond its bound, and keeps the others', async () => {
    await writeFile(join(directory, POD.name), 'in the way');
    const audit = startAudit(content({ bufferBytes: 3000 }));
    record(audit, 10);
    await audit.flush();
    const [file] = audit.stats().sinks;
    expect(file!.dropped).toBeGreaterThan(0);
    expect(file!.queuedBytes).toBeLessThanOrEqual(3000);
    await rm(join(directory, POD.name));
    await audit.flush();
    expect(await eventsIn()).toHaveLength(10 - file!.dropped);
    await audit.close();
  });
});

describe('an agent that must not serve what it cannot record', () => {
  async function scene(): Promise<Setup> {
    const of = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    const { audit } = content({ required: true });
    const pushed = configuration(of.endpoint.url, { audit: audit! }, { term: 1, counter: 2 });
    of.agent.runtime.configuration.offerPush(1, pushed);
    return of;
  }

  it('refuses requests with 503 as long as the file cannot be written', async () => {
    await writeFile(join(directory, POD.name), 'in the way');
    const { agent, endpoint } = await scene();
    await until(async () => (await send(agent.url)).status === 503);
    const served = endpoint.seen.length;
    const refused = await send(agent.url);
    expect(refused.headers['x-breakwater-reason']).toBe('AuditUnavailable');
    expect(endpoint.seen).toHaveLength(served);
    await rm(join(directory, POD.name));
    await until(async () => (await send(agent.url)).status === 200);
    const types = (await eventsIn()).map(({ status_code: reason }) => reason);
    expect(types).toContain('AuditUnavailable');
  });

  it('shows its records on its debug port', async () => {
    const { agent } = await scene();
    await send(agent.url, { path: '/nowhere' });
    await until(async () => {
      const page = await fetch(`${agent.debugUrl}/debug/audit?type=RequestMade&outcome=Failure`);
      const { events } = (await page.json()) as { events: SealedEvent[] };
      return events.length === 1 && events[0]!.status_code === 'NotFound';
    });
    const asked = async (query: string): Promise<number> => {
      const page = await fetch(`${agent.debugUrl}/debug/audit?${query}`);
      return ((await page.json()) as { events: unknown[] }).events.length;
    };
    const hour = 3_600_000;
    const later = new Date(Date.now() + hour).toISOString();
    expect(await asked('actor=anonymous')).toBe(1);
    expect(await asked(`actor=anonymous&since=${Date.now() - hour}&until=${later}`)).toBe(1);
    expect(await asked(`since=${later}`)).toBe(0);
    expect(await asked('conversation=conv_other')).toBe(0);
    expect(await asked('source=127.0.0.1&type=LlmInteraction')).toBe(1);
    expect(await asked('source=192.0.2.1')).toBe(0);
    const counted = await fetch(`${agent.debugUrl}/debug/audit?type=LlmInteraction&count=true`);
    expect(await counted.json()).toMatchObject({ count: 1, events: [] });
    expect(await asked('limit=1')).toBe(1);
    expect(await asked('limit=all')).toBeGreaterThan(1);
    const metrics = await (await fetch(`${agent.metricsUrl}/metrics`)).text();
    expect(metrics).toContain('audit_events_total{type="RequestMade"} 1');
    expect(metrics).toContain('audit_dropped_total{sink="file"} 0');
  });
});
