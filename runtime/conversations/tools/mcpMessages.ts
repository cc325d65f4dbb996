import { scanInSlices } from '../../json/scan.ts';
import type { Span } from '../../json/scan.ts';
import { CollectedBytes } from '../../model/transport/collectedBytes.ts';
import { EventStreamReader } from '../../model/transport/sse.ts';
import { ByteAccount } from '../../resilience/byteBudget.ts';
import type { ByteBudget } from '../../resilience/byteBudget.ts';
import {
  MCP_MESSAGES,
  MCP_MESSAGE_BYTES,
  McpNoRoom,
  McpTooLarge,
  McpUnanswered,
} from './mcpBounds.ts';

/** A message of JSON-RPC. Its values stay bytes, because parsed they could take thirty times the memory. */
export interface RpcMessage {
  json: Buffer;
  members: ReadonlyMap<string, Span>;
}

const MEMBERS: ReadonlySet<string> = new Set(['id', 'method', 'params', 'result', 'error']);

/** The messages of an HTTP answer as they arrive; none if it is neither JSON nor a stream of events. */
export async function* messagesOf(
  answer: Response,
  budget: ByteBudget,
): AsyncGenerator<RpcMessage> {
  const account = new ByteAccount(budget);
  try {
    const type = mediaType(answer);
    if (type === 'application/json') {
      const message = await read(await bytesOf(answer, MCP_MESSAGE_BYTES, account));
      if (message) yield message;
    } else if (type === 'text/event-stream') {
      yield* eventsOf(answer, account);
    } else {
      await answer.body?.cancel();
    }
  } finally {
    account.close();
  }
}

/** The type of an answer, without its parameters. */
export function mediaType({ headers }: Response): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

async function* eventsOf({ body }: Response, account: ByteAccount): AsyncGenerator<RpcMessage> {
  let arrived: string[] = [];
  let count = 0;
  const reader = new EventStreamReader(({ event, data, truncated }) => {
    if (truncated) throw tooLarge();
    count += 1;
    if (count > MCP_MESSAGES) throw new McpTooLarge(`more than ${MCP_MESSAGES} messages`);
    if (event === '' || event === 'message') arrived.push(data);
    return true;
  }, MCP_MESSAGE_BYTES);
  let held = 0;
  for await (const chunk of chunksOf(body)) {
    take(account, chunk);
    held += chunk.length;
    const ended = reader.push(chunk);
    const events = arrived;
    arrived = [];
    for (const data of events) {
      const message = await read(Buffer.from(data));
      if (message) yield message;
    }
    if (ended === 0) continue;
    const left = chunk.length - ended;
    account.give(held - left);
    held = left;
  }
}

function take(account: ByteAccount, chunk: Buffer): void {
  if (!account.take(chunk.length)) throw new McpNoRoom('maxBodyBytesInFlight is reached');
}

/** The body of an answer, up to `max` bytes. Throws beyond. */
export async function bytesOf(
  { body }: Response,
  max: number,
  account?: ByteAccount,
): Promise<Buffer> {
  const bytes = new CollectedBytes();
  for await (const chunk of chunksOf(body)) {
    if (bytes.size + chunk.length > max) throw tooLarge();
    if (account) take(account, chunk);
    bytes.add(chunk);
  }
  return bytes.take();
}

function tooLarge(): McpTooLarge {
  return new McpTooLarge(`a message has more than ${MCP_MESSAGE_BYTES} bytes`);
}

async function* chunksOf(body: Response['body']): AsyncGenerator<Buffer> {
  if (!body) return;
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        throw new McpUnanswered('an answer broke off', { cause: error });
      });
      if (done) return;
      yield Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
  } finally {
    // What follows the answer is not read.
    void reader.cancel().catch(() => undefined);
  }
}

/** Undefined if the bytes are no object of JSON. */
async function read(json: Buffer): Promise<RpcMessage | undefined> {
  const scanned = await scanInSlices(json, MEMBERS);
  return scanned && { json, members: scanned.members };
}
