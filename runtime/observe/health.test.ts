import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { CircuitStatus, Content, GateStatus } from '../../contract/generated/types.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { OK, IGNORED } from '../resilience/outcome.ts';
import { send } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { conversationsIn } from '../testing/conversation.ts';
import { RealRedis } from '../testing/redis.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { answerJson } from '../testing/upstream.ts';
import { checked, dependenciesOf } from './health.ts';
import { LastCalls } from './lastCalls.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const CLOSED: CircuitStatus = {
  dependency: 'model/north',
  state: 'Closed',
  since: '2026-01-01T00:00:00.000Z',
};
const OPEN: CircuitStatus = {
  ...CLOSED,
  state: 'Open',
  nextProbe: '2026-01-01T00:01:00.000Z',
  lastFailure: { class: 'Timeout', message: 'of somebody', time: '2026-01-01T00:00:00.000Z' },
};

function healthOf(
  circuit: CircuitStatus,
  gate: GateStatus['gate'] = 'None',
  until?: string,
): unknown {
  const facts = {
    configured: () => true,
    servable: () => true,
    listening: () => true,
    leaving: () => false,
    lagMs: () => 0,
    links: () => 2,
    circuits: () => [circuit],
    gates: () => [{ dependency: 'model/north', gate, ...(until !== undefined && { until }) }],
    program: () => undefined,
    lastCalls: { of: () => undefined },
    healthChecks: () => [],
    checks: () => [],
    clock: new FakeClock(),
  };
  return dependenciesOf(facts);
}

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const operator = { ok: true, detail: '2 links' };

describe('the health of what an agent depends on', () => {
  it('follows from circuits and gates', () => {
    expect(healthOf(CLOSED)).toEqual({ operator, 'model/north': { ok: true, circuit: 'Closed' } });
    expect(healthOf(CLOSED, 'SpendLimit')).toEqual({
      operator,
      'model/north': { ok: false, circuit: 'Closed', gate: 'SpendLimit' },
    });
  });

  it('is good if an open circuit rejects nothing', () => {
    expect(healthOf({ ...OPEN, shadow: true })).toMatchObject({ 'model/north': { ok: true } });
  });

  it('has the later of two times, and contains no messages of failures', () => {
    expect(healthOf(OPEN, 'RateLimited', '2026-01-01T01:00:00.000Z')).toEqual({
      operator,
      'model/north': {
        ok: false,
        circuit: 'Open',
        gate: 'RateLimited',
        until: '2026-01-01T01:00:00.000Z',
        lastFailure: { class: 'Timeout', time: '2026-01-01T00:00:00.000Z' },
      },
    });
  });

  it('is not shown on the port of the API, which shows only the health of the pod', async () => {
    const of = await setup(cleanups, (response) => answerJson(response, {}, 500), {
      circuits: [TOUCHY],
      healthChecks: [
        {
          ...{ name: 'sidecar', tcp: { host: '127.0.0.1', port: await closedPort() } },
          ...{ intervalMs: 60_000, timeoutMs: 5000, failureThreshold: 1, critical: true },
        },
      ],
    });
    await send(of.agent.url);
    const atMetrics = `${of.agent.metricsUrl}/health/ready`;
    await until(async () => (await (await fetch(atMetrics)).text()).includes('sidecar fails'));
    for (const path of ['/health', '/health/live', '/health/ready']) {
      const text = await (await fetch(`${of.agent.url}${path}`)).text();
      expect(Object.keys(JSON.parse(text) as object)).toEqual(['status', 'components']);
      expect(text).not.toMatch(/primary|sidecar|operator|links|Open/);
    }
  });

  it('is shown at /health/ready and makes no pod unready', async () => {
    const of = await setup(cleanups, (response) => answerJson(response, {}, 500), {
      circuits: [TOUCHY],
    });
    await send(of.agent.url);
    // While other tests start, its event loop may be late.
    await until(async () => (await fetch(`${of.agent.metricsUrl}/health/ready`)).status === 200);
    const answer = await fetch(`${of.agent.metricsUrl}/health/ready`);
    expect(await answer.json()).toMatchObject({
      components: { configuration: { ok: true }, shutdown: { ok: true } },
      dependencies: {
        operator: { ok: false, detail: '0 links' },
        'model/primary': {
          ok: false,
          circuit: 'Open',
          lastCall: { ok: false, time: expect.any(String) },
          lastFailure: { class: 'ServerError' },
        },
      },
    });
    expect(of.endpoint.seen).toHaveLength(1);
    const live = (await (await fetch(`${of.agent.metricsUrl}/health/live`)).json()) as object;
    expect(live).not.toHaveProperty('dependencies');
  });

  it('contains result and time of the last call that says something about it', () => {
    const clock = new FakeClock();
    const calls = new LastCalls(() => clock.date());
    calls.record('tool/look', OK);
    clock.advance(1000);
    calls.record('tool/look', IGNORED);
    expect(calls.of('tool/look')).toEqual({ ok: true, time: '2026-01-01T00:00:00.000Z' });
    calls.record('tool/look', { vote: 'failure', class: 'Timeout', message: 'late' });
    expect(calls.of('tool/look')).toEqual({ ok: false, time: '2026-01-01T00:00:01.000Z' });
    calls.record('model/north', OK);
    calls.retain(new Set(['model/north']));
    expect([calls.of('tool/look'), calls.of('model/north')?.ok]).toEqual([undefined, true]);
  });

  it('is checked in parallel on request, each dependency with its own timeout', async () => {
    const clock = new FakeClock();
    const never = new Promise<void>(() => undefined);
    const found = checked({
      clock,
      checks: () => [
        ['slow', never],
        ['broken', Promise.reject(new Error('secret'))],
        ['well', Promise.resolve()],
      ],
    });
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(500);
    expect(await found).toEqual({
      slow: { ok: false, detail: 'no answer within 500 ms' },
      broken: { ok: false, detail: 'cannot be reached' },
      well: { ok: true },
    });
  });

  it('is reported in time if Redis accepts connections and stays silent', async () => {
    const taken = new Set<Socket>();
    const silent = createServer((socket) => {
      taken.add(socket);
      socket.on('error', () => undefined).on('close', () => taken.delete(socket));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    cleanups.add(() => {
      for (const socket of taken) socket.destroy();
      return new Promise((resolve) => silent.close(() => resolve()));
    });
    const { port } = silent.address() as AddressInfo;
    const of = await setup(cleanups, () => undefined, {
      ...conversationsIn({ url: `redis://127.0.0.1:${port}` }),
      // Longer than the test takes, so that nothing but the check's own time can end it.
      timeouts: { connectMs: 60_000, requestMs: 60_000, streamMs: 3_600_000 },
    });
    const ask = async (path: string): Promise<[number, unknown]> => {
      const answer = await fetch(`${of.agent.metricsUrl}${path}`);
      const { dependencies } = (await answer.json()) as { dependencies?: object };
      return [answer.status, dependencies];
    };
    const late = { 'store/redis': { ok: false, detail: 'no answer within 500 ms' } };
    // While other tests start, its event loop may be late.
    await until(async () => (await ask('/health/ready'))[0] === 200);
    const asked = await Promise.all(Array.from({ length: 10 }, () => ask('/health/ready')));
    for (const [status, dependencies] of asked) {
      expect(status).toBe(200);
      expect(dependencies).toMatchObject(late);
    }
    expect(taken.size).toBe(1);
    expect(await ask('/health')).toEqual([200, undefined]);
    expect(await ask('/health/live')).toEqual([200, undefined]);
  });

  it('takes a pod out of service when a critical check of the spec fails', async () => {
    const dead = await closedPort();
    const check = { tcp: { host: '127.0.0.1', port: dead }, timeoutMs: 5000, failureThreshold: 1 };
    const common = { name: 'sidecar', intervalMs: 60_000, ...check };
    const of = await setup(cleanups, () => undefined, {
      healthChecks: [{ ...common, critical: false }],
    });
    const ask = async (path: string): Promise<[number, unknown]> => {
      const answer = await fetch(`${of.agent.metricsUrl}${path}`);
      return [answer.status, ((await answer.json()) as { checks?: unknown }).checks];
    };
    const failing = { name: 'sidecar', critical: false, state: 'Failing', reason: 'Connection' };
    const shown = [expect.objectContaining(failing)];
    await until(async () => JSON.stringify(await ask('/health')).includes('Failing'));
    // While other tests start, its event loop may be late.
    await until(async () => (await ask('/health/ready'))[0] === 200);
    expect(await ask('/health/ready')).toEqual([200, shown]);
    expect(await ask('/health')).toEqual([200, shown]);
    expect(await ask('/health/live')).toEqual([200, undefined]);
    const scraped = await (await fetch(`${of.agent.metricsUrl}/metrics`)).text();
    expect(scraped).toContain('health_check_passing{name="sidecar"} 0');
    expect(scraped).toContain('health_checks_total{name="sidecar",result="Connection"} 1');
    expect(of.agent.runtime.snapshot().healthChecks).toEqual(shown);
    let counter = 0;
    const apply = (healthChecks: object[]): void => {
      const { content } = of.agent.runtime.configuration.configuration!;
      const next = { ...content, healthChecks } as Content;
      counter += 1;
      of.agent.runtime.configuration.offerPush(9, configuration('', next, { term: 9, counter }));
    };
    apply([{ ...common, critical: true }]);
    expect(await ask('/health/ready')).toEqual([
      503,
      [expect.objectContaining({ critical: true })],
    ]);
    expect((await ask('/health'))[0]).toBe(200);
    apply([]);
    await until(async () => (await ask('/health/ready'))[0] === 200);
    expect((await ask('/health/ready'))[1]).toBeUndefined();
    expect(of.endpoint.seen).toHaveLength(0);
  });

  it('includes the Redis with conversations, which makes no pod unready', async () => {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    const of = await setup(cleanups, () => undefined, conversationsIn({ url: redis.url }));
    const ready = async (ok: boolean): Promise<boolean> => {
      const answer = await fetch(`${of.agent.metricsUrl}/health/ready`);
      const { dependencies } = (await answer.json()) as {
        dependencies: Record<string, { ok: boolean }>;
      };
      return answer.status === 200 && dependencies['store/redis']?.ok === ok;
    };
    await until(() => ready(true));
    await redis.stop();
    await until(() => ready(false));
    await redis.resume();
    await until(() => ready(true));
  });
});
