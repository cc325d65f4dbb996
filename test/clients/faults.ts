/** The ways in which a provider fails its clients. */
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { MESSAGES } from './answers.ts';
import type { Wire } from './answers.ts';

/** One request, and what is to become of it. */
export interface Asked {
  response: ServerResponse;
  stream: boolean;
  tools: boolean;
  /** How many requests of the same call came before. */
  before: number;
}

export interface Fault {
  name: string;
  answer(asked: Asked): void;
  /** Whether a client of the provider itself is served in spite of it. */
  harmless?: boolean;
  /** How the runtime refuses further calls: by the circuit or by the gate. Absent: it does not. */
  refusedBy?: 'Circuit' | 'Gate';
}

const JSON_TYPE = { 'content-type': 'application/json' };
const EVENTS_TYPE = { 'content-type': 'text/event-stream' };

/** How a provider answers on one wire: as one that is well, and with each fault. */
export interface Provided {
  healthy: Fault['answer'];
  faults: readonly Fault[];
}

export function provided({ events, text, error, errorEvent }: Wire): Provided {
  function healthy({ response, stream, tools }: Asked): void {
    if (stream) response.writeHead(200, EVENTS_TYPE).end(events(tools).join(''));
    else response.writeHead(200, JSON_TYPE).end(text(tools));
  }

  const refusing =
    (status: number, type: string, headers: Record<string, string> = {}) =>
    ({ response }: Asked): void =>
      void response.writeHead(status, { ...JSON_TYPE, ...headers }).end(error(type));

  /** The first part of the answer, with no end of the HTTP body. */
  function half({ response, stream, tools }: Asked): void {
    const whole = text(tools);
    if (stream) response.writeHead(200, EVENTS_TYPE).write(events(tools).slice(0, 4).join(''));
    else {
      const headers = { ...JSON_TYPE, 'content-length': Buffer.byteLength(whole) };
      response.writeHead(200, headers).write(whole.slice(0, whole.length / 2));
    }
  }

  /** Another answer in place of a stream than in place of a message. */
  const either =
    (stream: (tools: boolean) => string | Buffer, plain: (tools: boolean) => string | Buffer) =>
    (headers: (body: Buffer) => Record<string, string>) =>
    (asked: Asked): void => {
      const body = Buffer.from(asked.stream ? stream(asked.tools) : plain(asked.tools));
      const type = asked.stream ? EVENTS_TYPE : JSON_TYPE;
      asked.response.writeHead(200, { ...type, ...headers(body) });
      asked.response.end(body);
    };
  const plainly = (): Record<string, string> => ({});

  const halfEvents = (tools: boolean): string => events(tools).slice(0, 4).join('');
  const halfMessage = (tools: boolean): string => {
    const whole = text(tools);
    return whole.slice(0, whole.length / 2);
  };
  const whole = (tools: boolean): string => events(tools).join('');

  const faults: readonly Fault[] = [
    { name: 'nothing', answer: healthy, harmless: true },
    {
      name: 'a hang before the headers',
      answer: () => undefined,
      refusedBy: 'Circuit',
    },
    {
      name: 'a hang after the headers',
      answer: ({ response, stream }) =>
        response.writeHead(200, stream ? EVENTS_TYPE : JSON_TYPE).flushHeaders(),
      refusedBy: 'Circuit',
    },
    { name: 'a hang within the answer', answer: half, refusedBy: 'Circuit' },
    { name: 'a reset before the headers', answer: ({ response }) => void response.destroy() },
    {
      name: 'a cut within the answer',
      answer: (asked: Asked): void => {
        half(asked);
        asked.response.socket?.destroySoon();
      },
    },
    {
      name: 'an end within the answer',
      answer: either(halfEvents, halfMessage)(plainly),
      refusedBy: 'Circuit',
    },
    {
      name: 'an end within an event',
      answer: either(
        (tools) => `${halfEvents(tools)}${events(tools)[4]!.slice(0, -20)}`,
        (tools) => text(tools).slice(0, -2),
      )(plainly),
      refusedBy: 'Circuit',
    },
    {
      name: 'a missing message_stop',
      answer: either((tools) => events(tools).slice(0, -1).join(''), text)(plainly),
      harmless: true,
    },
    {
      name: '429 with retry-after',
      answer: refusing(429, 'rate_limit_error', { 'retry-after': '2' }),
      refusedBy: 'Gate',
    },
    {
      name: '429 for an hour',
      // Without the second header the SDK for Python would sleep for that hour.
      answer: refusing(429, 'rate_limit_error', {
        'retry-after': '3600',
        'x-should-retry': 'false',
      }),
      refusedBy: 'Gate',
    },
    { name: '529', answer: refusing(529, 'overloaded_error'), refusedBy: 'Circuit' },
    { name: '500', answer: refusing(500, 'api_error'), refusedBy: 'Circuit' },
    {
      name: '500 once',
      answer: (asked) => (asked.before === 0 ? refusing(500, 'api_error')(asked) : healthy(asked)),
      harmless: true,
    },
    { name: '400', answer: refusing(400, 'invalid_request_error') },
    { name: '401', answer: refusing(401, 'authentication_error'), refusedBy: 'Gate' },
    {
      name: 'a page of a proxy',
      answer: ({ response }) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>'),
      refusedBy: 'Circuit',
    },
    {
      name: 'malformed events or JSON',
      answer: either(
        (tools) =>
          `${halfEvents(tools)}event: content_block_delta\ndata: {"type": "con\n\n${whole(tools)}`,
        () => '{"type":"message","content":[{{}]}',
      )(plainly),
      refusedBy: 'Circuit',
    },
    {
      name: 'an error with a status of success',
      answer: either(
        (tools) => `${halfEvents(tools)}${errorEvent}`,
        () => error('overloaded_error'),
      )(plainly),
      refusedBy: 'Circuit',
    },
    {
      name: 'a content-length that is too small',
      answer: ({ response, stream, tools }: Asked): void => {
        const body = stream ? whole(tools) : text(tools);
        const type = stream ? 'text/event-stream' : 'application/json';
        const head = `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${Math.floor(body.length / 2)}`;
        response.socket?.end(`${head}\r\n\r\n${body}`);
      },
      refusedBy: 'Circuit',
    },
    {
      name: 'a content-length that is too large',
      answer: ({ response, stream, tools }: Asked): void => {
        const body = stream ? halfEvents(tools) : text(tools);
        const type = stream ? EVENTS_TYPE : JSON_TYPE;
        response.writeHead(200, { ...type, 'content-length': body.length + 500 }).write(body);
        response.socket?.destroySoon();
      },
    },
    {
      name: 'invalid gzip',
      answer: either(
        () => 'this is no gzip',
        (tools) => gzipSync(text(tools)).subarray(0, 60),
      )(() => ({ 'content-encoding': 'gzip' })),
      refusedBy: 'Circuit',
    },
  ];

  return { healthy, faults };
}

const OF_MESSAGES = provided(MESSAGES);
export const FAULTS = OF_MESSAGES.faults;
/** As a provider answers that is well. */
export const HEALTHY = OF_MESSAGES.healthy;
