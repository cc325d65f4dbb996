import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';

/** A request that an endpoint has received. */
export interface Seen {
  url: string;
  rawHeaders: string[];
  headers: IncomingMessage['headers'];
  body: Buffer;
  /** Whether the connection closed before the answer was complete. */
  aborted: boolean;
}

export interface FakeEndpoint {
  url: string;
  seen: Seen[];
  close(): Promise<void>;
}

/** Starts a model endpoint on a free port, with TLS if `tls` is given. */
export async function fakeEndpoint(
  answer: (response: ServerResponse, seen: Seen) => void | Promise<void>,
  tls?: TlsOptions,
): Promise<FakeEndpoint> {
  const seen: Seen[] = [];
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { rawHeaders, headers, url = '' } = request;
      const one = { url, rawHeaders, headers, body: Buffer.concat(chunks), aborted: false };
      seen.push(one);
      response.on('close', () => {
        one.aborted = !response.writableFinished;
      });
      void answer(response, one);
    });
  };
  const server = tls ? createSecureServer(tls, take) : createServer(take);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sse(type: string, rest: Record<string, unknown> = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
}

export const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-test',
  content: [{ type: 'text', text: 'Hello' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 1 },
};

/** The events of a complete stream of the Messages API. */
export const STREAM = [
  sse('message_start', { message: { ...MESSAGE, content: [], stop_reason: null } }),
  sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
  sse('ping'),
  sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hel' } }),
  sse('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'lo' } }),
  sse('content_block_stop', { index: 0 }),
  sse('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } }),
  sse('message_stop'),
];

export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function answerStream(response: ServerResponse, events: string[] = STREAM): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(event);
  response.end();
}
