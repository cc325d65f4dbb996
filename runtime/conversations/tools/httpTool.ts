import type { ResultBlock } from './mcpContent.ts';
import { fetch } from 'undici';
import type { RequestInit, Response } from 'undici';
import type { Tool } from '../../../contract/generated/types.ts';
import { connectionOutcome, cutOutcome, statusOutcome } from '../../model/attempt/outcome.ts';
import { CollectedBytes } from '../../model/transport/collectedBytes.ts';
import { Cut } from '../../errors/fault.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import { EgressDenied } from './egress.ts';
import type { Egress } from './egress.ts';
import { addQuery, fill, InputError } from './template.ts';
import type { Input } from './template.ts';

/** Result of a call of a tool. */
export interface ToolAnswer {
  /** For the circuit. */
  outcome: Outcome;
  /** For the model. */
  text: string;
  /** Replaces the text if there are images or documents. */
  blocks?: ResultBlock[];
  isError: boolean;
  /** The tool refused the credential. */
  unauthorized?: boolean;
  /** Why the agent refused the call, if the model asked for something forbidden. */
  misuse?: 'ArgumentsRefused' | 'EgressRefused' | undefined;
  /** The result of an earlier call, or of a concurrent one: this call was not made. */
  kept?: boolean;
}

export interface HttpToolCall {
  tool: Tool;
  input: Input;
  /** Includes values from Secrets. */
  headers: [string, string][];
  egress: Egress;
  /** Aborts with a Cut. */
  signal: AbortSignal;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const BODILESS: ReadonlySet<string> = new Set(['GET', 'DELETE']);

/** Calls a tool over HTTP. Never rejects. */
export async function callHttpTool(call: HttpToolCall): Promise<ToolAnswer> {
  try {
    return await answerOf(call, await request(call));
  } catch (error) {
    return failed(error, call.signal);
  }
}

async function request({ tool, input, headers, egress, signal }: HttpToolCall): Promise<Response> {
  const { http } = tool;
  const filled = fill(http.url, input);
  const bodiless = BODILESS.has(http.method);
  if (bodiless) addQuery(filled.url, filled.rest);
  const init: RequestInit = { method: http.method, redirect: 'manual', signal };
  if (!bodiless) {
    init.body = JSON.stringify(filled.rest);
    headers = [['content-type', 'application/json'], ...headers];
  }
  let { url } = filled;
  for (let hop = 0; ; hop += 1) {
    const named = filled.named && url.origin === filled.url.origin;
    const dispatcher = egress.to(url, named);
    const response = await fetch(url, { ...init, headers, dispatcher });
    const next = redirect(response, url);
    if (!next) return response;
    await response.body?.cancel();
    if (hop >= MAX_REDIRECTS) throw new EgressDenied('there are too many redirects');
    if (next.origin !== url.origin) headers = [];
    if (becomesGet(response.status, init.method!)) {
      init.method = 'GET';
      delete init.body;
      headers = headers.filter(([name]) => name !== 'content-type');
    }
    url = next;
  }
}

/** Target of a redirect; never from https to http. */
function redirect(response: Response, from: URL): URL | undefined {
  const location = response.headers.get('location');
  if (!REDIRECTS.has(response.status) || location === null) return undefined;
  if (!URL.canParse(location, from.href)) throw new EgressDenied('a redirect leads nowhere');
  const next = new URL(location, from);
  const safe = next.protocol === 'https:' || next.protocol === from.protocol;
  if (!safe || next.username !== '') throw new EgressDenied('a redirect is not safe');
  return next;
}

/** As in fetch (WHATWG Fetch, HTTP-redirect fetch). */
function becomesGet(status: number, method: string): boolean {
  return status === 303 || ((status === 301 || status === 302) && method === 'POST');
}

async function answerOf({ tool }: HttpToolCall, response: Response): Promise<ToolAnswer> {
  const { status } = response;
  const text = await read(response, tool.http.maxResponseBytes);
  if (status >= 500) {
    return {
      outcome: statusOutcome(status),
      text: `The tool failed with HTTP ${status}.`,
      isError: true,
    };
  }
  // The call was wrong, not the tool.
  if (status >= 400) {
    const unauthorized = status === 401;
    const said = unauthorized ? '' : `\n${text}`;
    return { outcome: OK, text: `HTTP ${status}${said}`, isError: true, unauthorized };
  }
  return { outcome: OK, text: text === '' ? `HTTP ${status}` : text, isError: false };
}

/** The text of an answer, truncated to `max` bytes. */
async function read(response: Response, max: number): Promise<string> {
  const type = response.headers.get('content-type') ?? 'text/plain';
  if (!/^(text\/|application\/(.*\+)?(json|xml)|application\/x-www-form-urlencoded)/i.test(type)) {
    await response.body?.cancel();
    return `The tool answered with ${type.split(';', 1)[0]}, which is no text.`;
  }
  const collected = new CollectedBytes();
  for await (const chunk of response.body ?? []) {
    collected.add(Buffer.from(chunk as Uint8Array));
    if (collected.size > max) break;
  }
  const { size } = collected;
  const text = collected.take().subarray(0, max).toString('utf8');
  return size > max ? `${text}\n[The answer is longer; it was cut off after ${max} bytes.]` : text;
}

function failed(error: unknown, signal: AbortSignal): ToolAnswer {
  const cut: unknown = signal.aborted ? signal.reason : undefined;
  if (cut instanceof Cut) {
    const outcome = cutOutcome(cut.why, false);
    return { outcome, text: 'The tool did not answer in time.', isError: true };
  }
  const denied = deniedOf(error);
  if (denied) {
    const misuse = denied instanceof InputError ? 'ArgumentsRefused' : 'EgressRefused';
    const text = `The call was not made: ${denied.message}.`;
    return { outcome: IGNORED, text, isError: true, misuse };
  }
  const cause: unknown = (error as { cause?: unknown }).cause ?? error;
  return {
    outcome: connectionOutcome(cause),
    text: 'The tool could not be reached.',
    isError: true,
  };
}

/** Why the agent refused the call; fetch wraps errors of the look-up. */
function deniedOf(error: unknown): EgressDenied | InputError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if (each instanceof EgressDenied || each instanceof InputError) return each;
  }
  return undefined;
}
