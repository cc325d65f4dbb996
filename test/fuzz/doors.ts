/** What strangers send to ports before anybody knows them: pipelined requests, and many connections. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Random } from './random.ts';

/** How long one input lasts, in milliseconds. */
const LASTS_MS = 300;
const KIB = 1024;

/** Beginnings of requests to each port of a pod. */
export const POD_HEADS = {
  agent: ['GET /v1/models', 'GET /health', 'HEAD /', 'POST /v1/messages', 'GET /nothing'],
  metrics: ['GET /metrics', 'GET /metrics', 'GET /health/ready'],
  control: ['GET /v1/link'],
  debug: ['GET /debug/state', 'GET /debug/peers'],
};

/** Beginnings of requests to each port of an operator. */
export const OPERATOR_HEADS = {
  metrics: ['GET /metrics', 'GET /metrics', 'POST /metrics', 'GET /nothing'],
  health: ['GET /healthz', 'GET /readyz', 'GET /healthz?verbose'],
  debug: ['GET /debug/agents', 'GET /debug/ranking'],
};

/** Sends something to one of the ports. Resolves when that is over. */
export async function knock<Name extends string>(
  random: Random,
  ports: Readonly<Record<Name, number>>,
  heads: Readonly<Record<Name, readonly string[]>>,
): Promise<void> {
  const name = random.pick(Object.keys(heads) as Name[]);
  const port = ports[name];
  const sockets = random.chance(0.7) ? pipelined(random, port, heads[name]) : crowd(random, port);
  await new Promise((resolve) => setTimeout(resolve, LASTS_MS));
  for (const socket of sockets) socket.destroy();
}

/** Up to 2 MiB of one request after another over one connection, whose answers are read or not. */
function pipelined(random: Random, port: number, heads: readonly string[]): Socket[] {
  const body = random.pick(['', '', '{}', ' '.repeat(random.below(3000))]);
  const fields = body === '' ? '' : `content-length: ${body.length}\r\n`;
  const one = `${random.pick(heads)} HTTP/1.1\r\nhost: a\r\n${fields}\r\n${body}`;
  const bytes = Buffer.from(
    one.repeat(Math.ceil((random.pick([64, 256, 2048]) * KIB) / one.length)),
  );
  const socket = open(port);
  if (random.chance(0.3)) socket.pause();
  socket.write(random.chance(0.3) ? random.mutate(bytes) : bytes);
  return [socket];
}

/** Hundreds of connections that are idle, slow, or end in the middle. */
function crowd(random: Random, port: number): Socket[] {
  const text = random.pick([
    '',
    'GET /hea',
    'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n',
    'POST /v1/messages HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{',
    '\x16\x03\x01\x02\x00\x01',
  ]);
  return Array.from({ length: 100 + random.below(500) }, () => {
    const socket = open(port);
    if (text !== '') socket.write(text);
    return socket;
  });
}

function open(port: number): Socket {
  return connect(port, '127.0.0.1')
    .on('error', () => undefined)
    .resume();
}
