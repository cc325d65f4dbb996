import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeClock } from '../testing/fakeClock.ts';
import { open, send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { ByteBudget } from '../resilience/byteBudget.ts';
import { Bodies } from './bodies.ts';
import type { ReadBody } from './bodies.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const INTAKE = {
  ...configuration('http://model.invalid').content.requestLimits,
  maxBodyBytes: 1000,
  maxBodyBytesInFlight: 1500,
  minBodyBytesPerSecond: 10,
};

interface Scene {
  url: string;
  clock: FakeClock;
  budget: ByteBudget;
  reads: ReadBody[];
  /** Lets the requests that are held end. */
  release: () => void;
}

/** A server that holds each request whose path is /hold. */
async function scene(limits: Partial<typeof INTAKE> = {}): Promise<Scene> {
  const clock = new FakeClock();
  const bounds = { ...INTAKE, ...limits };
  const budget = new ByteBudget(() => bounds.maxBodyBytesInFlight);
  const bodies = new Bodies({
    clock,
    current: {
      content: { ...configuration('http://model.invalid').content, requestLimits: bounds },
    },
    budget,
  });
  const reads: ReadBody[] = [];
  const held: (() => void)[] = [];
  const server = createServer((request, response) => {
    void bodies.read(request, response).then((read) => {
      reads.push(read);
      const problem = 'problem' in read && read.problem !== 'Gone' ? read.problem.reason : '';
      const end = (): void => void response.writeHead(problem ? 400 : 200).end(problem);
      if (request.url === '/hold') held.push(end);
      else end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const release = (): void => held.splice(0).forEach((each) => each());
  return { url: `http://127.0.0.1:${port}`, clock, budget, reads, release };
}

describe('the body of a request', () => {
  it('counts towards the budget until its response ends', async () => {
    const { url, budget, release } = await scene();
    const held = send(url, { path: '/hold', body: 'x'.repeat(900) });
    await until(() => budget.used === 900);
    const refused = await send(url, { body: 'x'.repeat(700) });
    expect(refused.body.toString()).toBe('BodiesFull');
    expect((await send(url, { body: 'x'.repeat(600) })).status).toBe(200);
    release();
    await held;
    await until(() => budget.used === 0);
    expect((await send(url, { body: 'x'.repeat(700) })).status).toBe(200);
  });

  it('no longer counts when its client leaves', async () => {
    const { url, budget, reads } = await scene();
    const request = open(url, { headers: { 'content-length': '900' } });
    request.on('error', () => undefined);
    request.write('x'.repeat(500));
    await until(() => budget.used === 500);
    request.destroy();
    await until(() => budget.used === 0);
    expect(reads).toEqual([{ problem: 'Gone' }]);
  });

  it.each([
    ['is too slow', 8, 1],
    ['comes at its rate', 40, 0],
  ])('that %s is checked in each period', async (_, bytesPerSecond, cut) => {
    const { url, clock, budget, reads } = await scene();
    const request = open(url, { headers: { 'content-length': '999' } });
    request.on('error', () => undefined);
    // What came quickly at first excuses nothing later.
    request.write('x'.repeat(300));
    await until(() => budget.used === 300);
    clock.advance(9000);
    for (let i = 1; i <= 12; i += 1) {
      const before = budget.used;
      if (reads.length === 0) request.write('x'.repeat(bytesPerSecond));
      await until(() => budget.used > before || reads.length > 0);
      clock.advance(1000);
    }
    await until(() => reads.length === cut);
    expect(reads).toMatchObject(cut ? [{ problem: { reason: 'RequestTimeout' } }] : []);
    request.destroy();
  });

  it('is refused by its stated length at once, or when more bytes come than are allowed', async () => {
    const { url } = await scene();
    const body = 'x'.repeat(1001);
    expect((await send(url, { body })).body.toString()).toBe('TooLarge');
    const chunked = { body, headers: { 'transfer-encoding': 'chunked' } };
    expect((await send(url, chunked)).body.toString()).toBe('TooLarge');
  });
});
