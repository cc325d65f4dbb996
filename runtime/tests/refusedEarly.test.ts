import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import { tracingEnvironment } from '../../tracing/settings.ts';
import { startCollector } from '../testing/collector.ts';
import type { Collector } from '../testing/collector.ts';
import { AUDIT, configuration } from '../testing/configuration.ts';
import { tracingTo } from '../testing/failoverScene.ts';
import { ocsfFaults } from '../testing/ocsf/ocsf.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

/** An agent that is traced and audited, and holds an address back after one wrong key. */
class Scene {
  agent!: StartedRuntime;
  collector!: Collector;

  async start(): Promise<this> {
    this.collector = await startCollector();
    cleanups.add(() => this.collector.close());
    this.agent = await startRuntime(undefined, undefined, {
      tracing: tracingEnvironment({ OTEL_BSP_SCHEDULE_DELAY: '10' }),
    });
    cleanups.add(() => this.agent.stop());
    const path = join(this.agent.directory, 'clients');
    await mkdir(path);
    await writeFile(join(path, 'alice'), 'sesame');
    const auth = {
      ...{ type: 'APIKeys', apiKeys: { path, secret: 'clients' } },
      failures: { perMinute: 1, maxAddresses: 10 },
    };
    const content = { auth, audit: AUDIT, ...tracingTo(this.collector.url) };
    this.agent.runtime.configuration.offerPush(1, configuration('http://127.0.0.1:1', content));
    await this.agent.runtime.tracing.settled();
    return this;
  }

  /** What the agent answers to these bytes before it closes the connection. */
  async answer(sent: string): Promise<string> {
    let text = '';
    let closed = false;
    const socket = connect(Number(new URL(this.agent.url).port), '127.0.0.1');
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('close', () => (closed = true));
    socket.write(sent);
    await until(() => closed);
    return text;
  }

  /** What log, trace and audit have of the request. */
  async told(requestId: string): Promise<Told> {
    const spans = (): Collector['spans'] =>
      this.collector.spans.filter((span) => span.attributes['breakwater.request.id'] === requestId);
    await until(() => spans().length > 0);
    const events = this.agent.audited.map((line) => JSON.parse(line) as SealedEvent);
    return {
      spans: spans(),
      lines: this.agent.logs.map((line) => JSON.parse(line) as Line).filter(isOf(requestId)),
      events: events.filter(({ metadata }) => metadata.correlation_uid === requestId),
    };
  }
}

type Line = Record<string, unknown>;
const isOf =
  (id: string) =>
  ({ requestId, module }: Line): boolean =>
    requestId === id && module === 'access';

interface Told {
  spans: Collector['spans'];
  lines: Line[];
  events: SealedEvent[];
}

const headerOf = (answer: string, name: string): string | undefined =>
  new RegExp(`^${name}: (\\S+)`, 'im').exec(answer)?.[1];

/** `stream` is not part of the event. */
function faultsOf(event: SealedEvent): string[] {
  const { stream: _, ...sealed } = event as SealedEvent & { stream: string };
  return ocsfFaults(sealed);
}

const CLOSE = 'connection: close\r\n';
const GUESS = `POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: wrong\r\n${CLOSE}content-length: 2\r\n\r\n{}`;

describe('a request that is refused before its route', () => {
  it('is found in log, trace, audit and metrics by the ids in its answer', async () => {
    const scene = await new Scene().start();
    const refused: [name: string, sent: string, status: number, reason: string][] = [
      ['no HTTP', 'hello\r\n\r\n', 400, 'InvalidRequest'],
      ['large headers', `GET / HTTP/1.1\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 431, 'HeadersTooLarge'],
      ['no host', `GET /v1/models HTTP/1.1\r\n${CLOSE}\r\n`, 400, 'InvalidRequest'],
      ['a body that is no chunk', 'POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: sesame\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n', 400, 'InvalidRequest'],
      ['an expectation', `GET /nowhere HTTP/1.1\r\nhost: a\r\nexpect: nothing\r\n${CLOSE}\r\n`, 404, 'NotFound'],
      ['a wrong key', GUESS, 401, 'Unauthorized'],
      ['another one', GUESS, 429, 'AuthThrottled'],
    ]; // prettier-ignore
    for (const [name, sent, status, reason] of refused) {
      const answer = await scene.answer(sent);
      expect([name, answer.slice(0, 12)]).toEqual([name, `HTTP/1.1 ${status}`]);
      const requestId = headerOf(answer, 'request-id')!;
      const traceId = headerOf(answer, 'x-breakwater-trace-id');
      const { spans, lines, events } = await scene.told(requestId);
      expect([name, lines]).toEqual([
        name,
        [expect.objectContaining({ msg: 'Request ended', traceId, status, reason })],
      ]);
      expect(spans).toEqual([expect.objectContaining({ traceId })]);
      const made = events.find(({ metadata }) => metadata.event_code === 'RequestMade');
      expect(made).toMatchObject({
        ...{ status_code: reason, src_endpoint: { ip: '127.0.0.1' }, trace: { uid: traceId } },
      });
      expect(events.flatMap(faultsOf)).toEqual([]);
    }
    expect(new Set(scene.agent.logs.map((line) => (JSON.parse(line) as Line)['traceId'])).size).toBe(refused.length + 1); // prettier-ignore
    const metrics = await scene.agent.runtime.metrics.registry.metrics();
    expect(metrics).toMatch(/agent_requests_total\{route="other",reason="InvalidRequest"\} 1/);
    expect(metrics).toMatch(/agent_requests_total\{route="other",reason="HeadersTooLarge"\} 1/);
  });
});
