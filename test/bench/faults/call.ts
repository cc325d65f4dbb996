/**
 * A call as a careful client makes it. The client skips unreadable events, and an error event ends the call with an
 * error.
 */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { ANSWER } from './provider.ts';

export interface Address {
  port: number;
  headers: Record<string, string>;
  /** The model in the request. */
  model: string;
}

/** How a call ended for its client. */
export interface Call {
  outcome: 'answer' | 'error' | 'hang';
  /** Whether the text is the complete answer. */
  complete: boolean;
  seconds: number;
  /** The model in the answer. */
  model?: string;
  /** Whether the answer states the tokens of input and output. */
  usage: boolean;
  error?: string;
}

const PROMPT = 'Say in sixty words what a gateway is worth when the provider behind it fails.';

/** What the client has read of an answer so far. */
interface Read {
  text: string;
  model?: string;
  input: boolean;
  output: boolean;
}

interface Limits {
  /** A call that takes longer counts as hanging. */
  maxSeconds: number;
  /** Timeout of the client, which ends the call with an error. */
  givesUp?: number;
  stream?: boolean;
}

/** Sends one request and reads its answer to the end. Never rejects. */
export async function call(
  address: Address,
  { maxSeconds, givesUp = Infinity, stream = true }: Limits,
): Promise<Call> {
  const began = performance.now();
  const read: Read = { text: '', input: false, output: false };
  const seconds = Math.min(maxSeconds, givesUp);
  const signal = AbortSignal.timeout(seconds * 1000);
  const outOfTime = givesUp < maxSeconds ? 'error' : 'hang';
  const ending = await send(address, stream, signal, read).then(
    (error): Pick<Call, 'outcome' | 'error'> =>
      error === undefined ? { outcome: 'answer' } : { outcome: 'error', error },
    (error: unknown): Pick<Call, 'outcome' | 'error'> =>
      signal.aborted
        ? { outcome: outOfTime, error: `no end within ${seconds} s` }
        : { outcome: 'error', error: errorText(error) },
  );
  return {
    ...ending,
    complete: read.text === ANSWER.join(' '),
    seconds: (performance.now() - began) / 1000,
    usage: read.input && read.output,
    ...(read.model !== undefined && { model: read.model }),
  };
}

function errorText(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return code ?? message ?? 'unknown error';
}

/** Resolves with the error in the answer, or with undefined if there is none. */
async function send(
  { port, headers, model }: Address,
  stream: boolean,
  signal: AbortSignal,
  read: Read,
): Promise<string | undefined> {
  const messages = [{ role: 'user', content: PROMPT }];
  const body = JSON.stringify({ model, max_tokens: 256, stream, messages });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path: '/v1/messages',
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'anthropic-version': '2023-06-01',
        'x-api-key': 'key',
        ...headers,
      },
      agent: false,
      signal,
    });
    outgoing.on('error', reject).on('response', resolve);
    outgoing.end(body);
  });
  if (response.statusCode !== 200) return refusal(response);
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true;
  return isStream ? readStream(response, read) : readMessage(response, read);
}

async function text(response: IncomingMessage): Promise<string> {
  let whole = '';
  for await (const chunk of response.setEncoding('utf8')) whole += chunk as string;
  return whole;
}

async function refusal(response: IncomingMessage): Promise<string> {
  return `HTTP ${response.statusCode}: ${(await text(response)).slice(0, 200)}`;
}

async function readMessage(response: IncomingMessage, read: Read): Promise<string | undefined> {
  const event = parse(await text(response));
  if (event?.type !== 'message') return 'the answer is no message';
  takeMessage(event as Message, read);
  read.text = (event as Message).content.map((block) => block.text ?? '').join('');
  return undefined;
}

async function readStream(response: IncomingMessage, read: Read): Promise<string | undefined> {
  const broken = new Promise<never>((_, reject) => {
    response.on('error', reject);
  });
  broken.catch(() => undefined);
  const error = await Promise.race([readEvents(response, read), broken]);
  return error ?? (response.complete ? undefined : broken);
}

async function readEvents(response: IncomingMessage, read: Read): Promise<string | undefined> {
  for await (const line of createInterface({ input: response })) {
    if (!line.startsWith('data:')) continue;
    const event = parse(line.slice('data:'.length));
    if (event === undefined) continue;
    if (event.type === 'error') return `error event: ${event.error?.message}`;
    takeEvent(event, read);
  }
  return undefined;
}

interface Usage {
  input_tokens?: number;
  output_tokens?: number;
}

interface Message {
  type?: string;
  model: string;
  usage?: Usage;
  content: { text?: string }[];
}

interface Event {
  type?: string;
  error?: { message?: string };
  message?: Message;
  delta?: { text?: string };
  usage?: Usage;
}

function parse(json: string): Event | undefined {
  try {
    return JSON.parse(json) as Event;
  } catch {
    return undefined;
  }
}

function takeEvent({ type, message, delta, usage }: Event, read: Read): void {
  if (type === 'message_start' && message) takeMessage(message, read);
  if (type === 'content_block_delta') read.text += delta?.text ?? '';
  if (type === 'message_delta') read.output ||= usage?.output_tokens !== undefined;
}

function takeMessage({ model, usage }: Message, read: Read): void {
  read.model = model;
  read.input ||= usage?.input_tokens !== undefined;
  read.output ||= usage?.output_tokens !== undefined;
}
