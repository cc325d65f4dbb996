import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Block, Message } from '../conversations/messages/messages.ts';
import { checkMessages, contentProblem } from '../conversations/messages/checkMessages.ts';
import { scanInSlices } from '../json/scan.ts';
import { memoryOf } from '../json/parsed.ts';
import { turn } from '../json/turns.ts';
import { BODIES_FULL } from './bodies.ts';
import type { Bodies } from './bodies.ts';
import type { Problem } from '../errors/failure.ts';

export interface ConversationRoute {
  /** As metrics name it. */
  route: string;
  id?: string;
  action: 'Create' | 'Send' | 'Read' | 'Remove' | 'Unknown';
}

const ROOT = '/v1/conversations';

/** The route of a request; undefined for other paths. */
export function conversationRoute({
  method = '',
  url = '',
}: Pick<IncomingMessage, 'method' | 'url'>): ConversationRoute | undefined {
  const path = url.split('?', 1)[0]!;
  if (path !== ROOT && !path.startsWith(`${ROOT}/`)) return undefined;
  const [id, rest, ...more] = path.slice(ROOT.length).split('/').slice(1);
  const shape = SHAPES[`${id ? '{id}' : ''}/${[rest ?? '', ...more].join('/')}`];
  if (!shape) return { route: ROOT, action: 'Unknown' };
  const action = shape.actions[method] ?? 'Unknown';
  return { route: shape.route, action, ...(id && { id }) };
}

/** Routes by the shape of the path below the root. */
const SHAPES: Record<
  string,
  { route: string; actions: Record<string, ConversationRoute['action']> }
> = {
  '/': { route: ROOT, actions: { POST: 'Create' } },
  '{id}/': { route: `${ROOT}/{id}`, actions: { GET: 'Read', DELETE: 'Remove' } },
  '{id}/messages': { route: `${ROOT}/{id}/messages`, actions: { POST: 'Send' } },
};

export interface Sent {
  content: string | Block[];
  stream: boolean;
  /** Size of the body, in bytes. */
  bytes: number;
  /** What the content takes in memory, in bytes. */
  memory: number;
}

/** The messages of an earlier conversation, or none. */
export async function readCreate(
  request: IncomingMessage,
  response: ServerResponse,
  bodies: Pick<Bodies, 'read' | 'reserve'>,
): Promise<{ messages: Message[] } | { problem: Problem }> {
  const read = await readJson(request, response, bodies);
  if ('problem' in read) return read;
  const { messages = [] } = read.value;
  const checked = checkMessages(messages);
  return checked.ok ? { messages: checked.messages } : invalid(`${checked.message}.`);
}

export async function readSent(
  request: IncomingMessage,
  response: ServerResponse,
  bodies: Pick<Bodies, 'read' | 'reserve'>,
): Promise<{ sent: Sent } | { problem: Problem }> {
  const read = await readJson(request, response, bodies);
  if ('problem' in read) return read;
  const { content, stream } = read.value;
  const problem = contentProblem(content);
  if (problem !== undefined) return invalid(`The message ${problem}.`);
  const blocks = content as string | Block[];
  if (Array.isArray(blocks) && blocks.some(({ type }) => type === 'tool_result')) {
    return invalid('The agent runs its tools itself: leave blocks of type tool_result out.');
  }
  const accepts = request.headers.accept?.includes('text/event-stream') === true;
  const { bytes, memory } = read;
  return { sent: { content: blocks, stream: stream === true || accepts, bytes, memory } };
}

/** Largest number of JSON values in a body: each takes memory, even one of two bytes. */
export const MAX_BODY_VALUES = 100_000;
const NO_NAMES: ReadonlySet<string> = new Set();

interface ReadJson {
  value: Record<string, unknown>;
  bytes: number;
  memory: number;
}

async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  bodies: Pick<Bodies, 'read' | 'reserve'>,
): Promise<ReadJson | { problem: Problem }> {
  const read = await bodies.read(request, response);
  if ('problem' in read) return read;
  const { body } = read;
  const bytes = body.length;
  if (bytes === 0) return { value: {}, bytes, memory: 0 };
  const scanned = await scanInSlices(body, NO_NAMES);
  if (!scanned) return invalid('The body must be a JSON object.');
  if (scanned.values > MAX_BODY_VALUES) {
    return invalid(`The body has more than ${MAX_BODY_VALUES} values.`);
  }
  await turn(bytes);
  const value = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  const memory = memoryOf(value);
  // The budget has the body, which as values often takes no more.
  const isMore = memory > bytes && !bodies.reserve(memory - bytes, response);
  if (isMore) return { problem: BODIES_FULL };
  // Others may go on before the next one works on so many bytes.
  await turn(bytes);
  return { value, bytes, memory };
}

function invalid(message: string): { problem: Problem } {
  return { problem: { reason: 'InvalidRequest', message } };
}
