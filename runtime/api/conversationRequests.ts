import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Block, Message } from '../conversations/messages/messages.ts';
import { checkMessages, contentProblem } from '../conversations/messages/checkMessages.ts';
import { scanInSlices } from '../json/scan.ts';
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
  /** Size of the body in bytes. */
  bytes: number;
}

/** The messages of an earlier conversation, or none. */
export async function readCreate(
  request: IncomingMessage,
  response: ServerResponse,
  bodies: Pick<Bodies, 'read'>,
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
  bodies: Pick<Bodies, 'read'>,
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
  return { sent: { content: blocks, stream: stream === true || accepts, bytes: read.bytes } };
}

/** Largest number of JSON values in a body: each takes memory, even one of two bytes. */
export const MAX_BODY_VALUES = 100_000;
const NO_NAMES: ReadonlySet<string> = new Set();

async function readJson(
  request: IncomingMessage,
  response: ServerResponse,
  bodies: Pick<Bodies, 'read'>,
): Promise<{ value: Record<string, unknown>; bytes: number } | { problem: Problem }> {
  const read = await bodies.read(request, response);
  if ('problem' in read) return read;
  const { body } = read;
  if (body.length === 0) return { value: {}, bytes: 0 };
  const scanned = await scanInSlices(body, NO_NAMES);
  if (!scanned) return invalid('The body must be a JSON object.');
  if (scanned.values > MAX_BODY_VALUES) {
    return invalid(`The body has more than ${MAX_BODY_VALUES} values.`);
  }
  const value = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  return { value, bytes: body.length };
}

function invalid(message: string): { problem: Problem } {
  return { problem: { reason: 'InvalidRequest', message } };
}
