import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

export interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  rawHeaders: string[];
  body: Buffer;
}

export interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]> | string[];
  body?: string | Buffer;
}

const MESSAGE = '{"model":"claude-test","messages":[]}';

/** Opens a request on its own connection. The test ends it. */
export function open(
  base: string,
  { method = 'POST', path = '/v1/messages', headers }: Sent,
): ClientRequest {
  return request(new URL(path, base), { method, headers: headers ?? {}, agent: false });
}

/** Sends a request and reads the whole answer. Rejects if the answer breaks off. */
export function send(base: string, sent: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = open(base, sent);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      readAnswer(response).then(resolve, reject);
    });
    outgoing.end(sent.body ?? (sent.method === 'GET' ? '' : MESSAGE));
  });
}

/** The wait in seconds that an error answer of the runtime names. */
export function saidSeconds({ body }: Pick<Answer, 'body'>): number {
  return Number(/ in (\d+) s/.exec(body.toString())?.[1]);
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode = 0, headers, rawHeaders } = response;
  return { status: statusCode, headers, rawHeaders, body: Buffer.concat(chunks) };
}
