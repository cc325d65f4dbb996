import { scanInSlices } from '../../json/scan.ts';
import type { Span } from '../../json/scan.ts';
import { EventStreamReader } from '../../model/transport/sse.ts';
import { MCP_MESSAGES, MCP_MESSAGE_BYTES, McpTooLarge, McpUnanswered } from './mcpBounds.ts';

/** A message of JSON-RPC. Its values stay bytes, because parsed they could take thirty times the memory. */
export interface RpcMessage {
  json: Buffer;
  members: ReadonlyMap<string, Span>;
}

const MEMBERS: ReadonlySet<string> = new Set(['id', 'method', 'params', 'result', 'error']);
const FIRST_BYTES = 16 * 1024;

/** The messages of an HTTP answer as they arrive; none if it is neither JSON nor a stream of events. */
export async function* messagesOf(answer: Response): AsyncGenerator<RpcMessage> {
  const type = mediaType(answer);
  if (type === 'application/json') {
    const message = await read(await bytesOf(answer, MCP_MESSAGE_BYTES));
    if (message) yield message;
  } else if (type === 'text/event-stream') {
    yield* eventsOf(answer);
  } else {
    await answer.body?.cancel();
  }
}

/** The type of an answer, without its parameters. */
export function mediaType({ headers }: Response): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

async function* eventsOf({ body }: Response): AsyncGenerator<RpcMessage> {
  let arrived: string[] = [];
  let count = 0;
  const reader = new EventStreamReader(({ event, data, truncated }) => {
    if (truncated) throw tooLarge();
    count += 1;
    if (count > MCP_MESSAGES) throw new McpTooLarge(`more than ${MCP_MESSAGES} messages`);
    if (event === '' || event === 'message') arrived.push(data);
    return true;
  }, MCP_MESSAGE_BYTES);
  for await (const chunk of chunksOf(body)) {
    reader.push(chunk);
    const events = arrived;
    arrived = [];
    for (const data of events) {
      const message = await read(Buffer.from(data));
      if (message) yield message;
    }
  }
}

/** The body of an answer, up to `max` bytes. Throws beyond. */
export async function bytesOf({ body }: Response, max: number): Promise<Buffer> {
  let bytes = Buffer.allocUnsafe(Math.min(max, FIRST_BYTES));
  let size = 0;
  for await (const chunk of chunksOf(body)) {
    if (size + chunk.length > max) throw tooLarge();
    if (size + chunk.length > bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(max, 2 * (size + chunk.length)));
      bytes.copy(larger, 0, 0, size);
      bytes = larger;
    }
    size += chunk.copy(bytes, size);
  }
  return bytes.subarray(0, size);
}

function tooLarge(): McpTooLarge {
  return new McpTooLarge(`a message has more than ${MCP_MESSAGE_BYTES} bytes`);
}

async function* chunksOf(body: Response['body']): AsyncGenerator<Buffer> {
  if (!body) return;
  const reader = body.getReader();
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
