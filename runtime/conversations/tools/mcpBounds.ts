import { Response } from 'undici';
import type { Response as UndiciResponse } from 'undici';

/** Largest message of an MCP server, decompressed, in bytes: a result of 1 MiB fits in any escaping of base64. */
export const MCP_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Largest number of tools of one MCP server. */
export const MCP_TOOLS = 256;
/** Calls have deadlines of their own: the SDK's timer never fires first. */
export const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** A message of an MCP server is too large. */
export class McpMessageTooLarge extends Error {}

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** The answer of a server. It breaks off at a message that is too large. */
export function boundedAnswer(answer: UndiciResponse, max = MCP_MESSAGE_BYTES): Response {
  const { body, status, statusText, headers } = answer;
  if (!body) return answer;
  const ofEvents = headers.get('content-type')?.startsWith('text/event-stream') === true;
  const count = ofEvents ? eventCounter() : totalCounter();
  const bounded = (body as ReadableStream<Uint8Array>).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        if (count(chunk) <= max) controller.enqueue(chunk);
        else controller.error(new McpMessageTooLarge(`a message has more than ${max} bytes`));
      },
    }),
  );
  return new Response(bounded, { status, statusText, headers });
}

/** Counts bytes as they come. */
type Counter = (chunk: Uint8Array) => number;

function totalCounter(): Counter {
  let total = 0;
  return (chunk) => (total += chunk.length);
}

/** Counts the bytes since the last empty line, which ends an event. */
function eventCounter(): Counter {
  let bytes = 0;
  let blank = true;
  return (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const end = chunk.indexOf(NEWLINE, at);
      const stop = end < 0 ? chunk.length : end;
      const text = stop - at - (chunk[stop - 1] === RETURN && stop > at ? 1 : 0);
      blank &&= text === 0;
      bytes += stop - at + 1;
      if (end < 0) break;
      if (blank) bytes = 0;
      blank = true;
      at = end + 1;
    }
    return bytes;
  };
}
