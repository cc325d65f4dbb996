/** What clients may send to an agent: bounds on connections, taken over without a restart. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { MOUNTS } from '../../contract/link.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const INTAKE = {
  ...configuration('http://model.invalid').content.requestLimits,
  maxConnections: 10,
};
const open = (requestLimits: Partial<typeof INTAKE>): Promise<Setup> =>
  setup(cleanups, (response) => answerJson(response, MESSAGE), {
    requestLimits: { ...INTAKE, ...requestLimits },
  });

/** A connection, and whether the agent has closed it. */
async function connection(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined).resume();
  cleanups.add(() => Promise.resolve(void socket.destroy()));
  await once(socket, 'connect');
  return socket;
}

describe('connections', () => {
  it('beyond maxConnectionsPerAddress are closed at once, and others are served', async () => {
    const { agent } = await open({ maxConnectionsPerAddress: 3 });
    const sockets = await Promise.all([1, 2, 3].map(() => connection(agent.url)));
    const fourth = await connection(agent.url);
    await until(() => fourth.closed);
    expect(sockets.every(({ closed }) => !closed)).toBe(true);
    sockets[0]!.destroy();
    await until(async () => (await send(agent.url).catch(() => undefined))?.status === 200);
  });

  it('beyond maxConnections close the one that is idle longest', async () => {
    const { agent } = await open({ maxConnections: 2, maxConnectionsPerAddress: 3 });
    const first = await connection(agent.url);
    const second = await connection(agent.url);
    expect((await send(agent.url)).status).toBe(200);
    await until(() => first.closed);
    expect(second.closed).toBe(false);
  });

  it('with an accepted credential no longer count for their address', async () => {
    const { agent, endpoint } = await setup(cleanups, (response) => answerJson(response, MESSAGE));
    await agent.mount('alice', 'key-of-alice');
    const auth = { type: 'APIKeys', apiKeys: { path: agent.directory, secret: 'clients' } };
    const requestLimits = { ...INTAKE, maxConnectionsPerAddress: 2 };
    const next = configuration(endpoint.url, { auth, requestLimits }, { term: 1, counter: 2 });
    await agent.mount(MOUNTS.configurationKey, JSON.stringify(next));
    await until(async () => (await send(agent.url)).status === 401);
    for (let i = 0; i < 4; i += 1) {
      const socket = await connection(agent.url);
      const answered = once(socket, 'data');
      socket.write(
        'POST /v1/messages HTTP/1.1\r\nhost: a\r\nx-api-key: key-of-alice\r\ncontent-length: 2\r\n\r\n{}',
      );
      expect(String(await answered)).toMatch(/^HTTP\/1.1 200 /);
    }
  });
});

it('follow changed bounds without a restart', async () => {
  const { agent, endpoint } = await open({});
  expect((await send(agent.url, { body: `{"x":"${'x'.repeat(2000)}"}` })).status).toBe(200);
  const requestLimits = { ...INTAKE, maxBodyBytes: 1024 };
  const next = configuration(endpoint.url, { requestLimits }, { term: 1, counter: 2 });
  await agent.mount(MOUNTS.configurationKey, JSON.stringify(next));
  const body = `{"x":"${'x'.repeat(2000)}"}`;
  await until(async () => (await send(agent.url, { body })).status === 413);
  const answer = await send(agent.url, { body });
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    type: 'error',
    error: { type: 'request_too_large', message: 'The body is larger than 1024 bytes.' },
  });
});
