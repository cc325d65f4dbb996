/** A model endpoint with minimal cost: fixed answers over plain sockets. */
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

const HEAD_END = Buffer.from('\r\n\r\n');
const STREAM = Buffer.from('"stream":true');
const HOLD = Buffer.from('"hold":true');
const PACED = Buffer.from('"paced":true');

/** Events of text in a paced stream, and the time between two. */
export const PACED_EVENTS = 200;
const PACE_MS = 10;

const MESSAGE = JSON.stringify({
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-bench',
  content: [{ type: 'text', text: 'All work and no play. '.repeat(40) }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 250, output_tokens: 220 },
});

function event(type: string, rest: Record<string, unknown> = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

const EVENTS = [
  event('message_start', {
    message: { ...(JSON.parse(MESSAGE) as object), content: [], stop_reason: null },
  }),
  event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  ...Array.from({ length: 20 }, () =>
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'All work. ' } }),
  ),
  event('content_block_stop', { index: 0 }),
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 220 } }),
  event('message_stop'),
];

function chunk(text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
}

const JSON_ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_1\r\ncontent-length: ${Buffer.byteLength(MESSAGE)}\r\n\r\n${MESSAGE}`,
);
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_1\r\ntransfer-encoding: chunked\r\n\r\n',
);
/** Bytes of each write. */
const STREAM_PARTS = [
  Buffer.concat([STREAM_HEAD, chunk(EVENTS[0]!)]),
  ...EVENTS.slice(1, -1).map(chunk),
  Buffer.concat([chunk(EVENTS.at(-1)!), Buffer.from('0\r\n\r\n')]),
];

/** Bytes of each write of a paced stream. */
const PACED_PARTS = [
  ...STREAM_PARTS.slice(0, 2),
  ...Array.from({ length: PACED_EVENTS }, () => STREAM_PARTS[2]!),
  ...STREAM_PARTS.slice(-3),
];

/**
 * Starts the endpoint on a free port. A request with `"hold":true` gets a stream that stays open, one with `"paced":true`
 * a long stream of an event every 10 ms.
 */
export async function startEndpoint(): Promise<{ port: number; server: Server }> {
  const server = createServer({ noDelay: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

function serve(socket: Socket): void {
  let held: Buffer = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    held = held.length === 0 ? data : Buffer.concat([held, data]);
    for (;;) {
      const end = held.indexOf(HEAD_END);
      if (end < 0) return;
      const head = held.toString('latin1', 0, end);
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (held.length < end + 4 + length) return;
      const body = held.subarray(end + 4, end + 4 + length);
      held = held.subarray(end + 4 + length);
      answer(socket, body);
    }
  });
}

function answer(socket: Socket, body: Buffer): void {
  if (!body.includes(STREAM)) socket.write(JSON_ANSWER);
  else if (body.includes(HOLD)) socket.write(Buffer.concat(STREAM_PARTS.slice(0, 4)));
  else if (body.includes(PACED)) paced(socket);
  else stream(socket, 0);
}

function paced(socket: Socket): void {
  let sent = 0;
  const timer = setInterval(() => {
    socket.write(PACED_PARTS[sent]!);
    sent += 1;
    if (sent === PACED_PARTS.length) clearInterval(timer);
  }, PACE_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Writes a few events at a time, as a model sends its tokens. */
function stream(socket: Socket, from: number): void {
  socket.write(Buffer.concat(STREAM_PARTS.slice(from, from + 5)));
  if (from + 5 < STREAM_PARTS.length) setImmediate(() => stream(socket, from + 5));
}
