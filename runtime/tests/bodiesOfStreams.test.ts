import { afterEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { listen } from '../api/listen.ts';
import { open } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { STREAM } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const MIB = 1024 * 1024;
const BODY_BYTES = 1_000_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

it('a body counts, and is kept, only until no further attempt can need it', async () => {
  const answers: ServerResponse[] = [];
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(STREAM.slice(0, 2).join(''));
      answers.push(response);
    });
  });
  await listen(server, 0, '127.0.0.1');
  cleanups.add(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const requestLimits = {
    ...{ maxBodyBytes: 2 * MIB, maxBodyBytesInFlight: 2 * MIB, bodyIdleTimeoutMs: 10_000 },
    ...{ minBodyBytesPerSecond: 0, maxConnections: 1000, maxConnectionsPerAddress: 1000 },
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const agent = await startRuntime(configuration(url, { requestLimits }));
  cleanups.add(() => agent.stop());
  const body = JSON.stringify({ model: 'm', stream: true, messages: 'x'.repeat(BODY_BYTES) });
  collect();
  const before = process.memoryUsage().arrayBuffers;
  const statuses: number[] = [];
  for (let i = 0; i < 40; i += 1) {
    const request = open(agent.url, {});
    request.on('error', () => undefined);
    cleanups.add(() => Promise.resolve(void request.destroy()));
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    statuses.push(response.statusCode!);
    response.resume().on('error', () => undefined);
  }
  expect(statuses).toEqual(Array(40).fill(200));
  await until(() => answers.length === 40);
  collect();
  // Of 40 MB of prompts whose answers still flow.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * MIB);
});
