import type { ChatCompletionRequest, Fixture, FixtureResponse } from '@copilotkit/aimock';

/** A tool that the model asks for. */
export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

/** Behaviour of the simulated model. An absent field means that of a healthy model without tools. */
export interface Fault {
  /** Limits the fault to requests for this model. */
  model?: string;
  /** Asks for these tools each time before it answers. */
  callTools?: ToolCall[];
  /** Asks for callTools again after each result, without end. */
  insist?: boolean;
  /** Answers with this HTTP status and the error that the Messages API sends with it. */
  status?: number;
  /** Seconds in the retry-after header of an answer with `status`. */
  retryAfter?: number;
  /** Milliseconds before the first byte of the answer, at most 30,000. */
  firstTokenMs?: number;
  /** Milliseconds between two events of a stream. */
  eventMs?: number;
  /** Number of text events in a stream. */
  events?: number;
  /** Input tokens that an answer reports. Default: a quarter of the characters of the messages. */
  inputTokens?: number;
  /** Output tokens that an answer reports. Default: one for each text event. */
  outputTokens?: number;
  /** Further headers of every answer, such as anthropic-ratelimit-requests-remaining. */
  headers?: Record<string, string>;
  /** Closes the connection after this many events, before the stream is complete. */
  cutAfterEvents?: number;
  /** Begins a stream and then sends nothing more until the client leaves. */
  silent?: boolean;
  /** Closes the connection without an answer. */
  disconnect?: boolean;
  /** Answers 200 with a body that is not JSON. */
  malformed?: boolean;
  /** Answers with its system prompt. */
  recite?: boolean;
}

const NUMBERS = [
  'status',
  'retryAfter',
  'firstTokenMs',
  'eventMs',
  'events',
  'inputTokens',
  'outputTokens',
  'cutAfterEvents',
] as const;
const FLAGS = ['silent', 'disconnect', 'malformed', 'recite', 'insist'] as const;
const KNOWN = [...NUMBERS, ...FLAGS, 'headers', 'callTools', 'model'];
/** Faults that apply before the model of a request is read. */
const OF_ALL_MODELS = ['retryAfter', 'headers', 'silent'] as const;

/** Error types of the Messages API by status; others are api_error. */
const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

const WORD = 'calm ';
/** Text events of a normal answer. */
const EVENTS = 8;
/** Approximate number of characters of English text per token. */
const CHARACTERS_PER_TOKEN = 4;

function isFlag(key: string): boolean {
  return (FLAGS as readonly string[]).includes(key);
}

function checkHeaders(value: unknown): void {
  const all = typeof value === 'object' && value !== null ? Object.entries(value) : [['', 0]];
  for (const [name, text] of all) {
    if (/^[a-z0-9-]+$/.test(String(name)) && typeof text === 'string') continue;
    throw new Error('fault.headers must be an object of lower-case names and texts');
  }
}

function checkTools(value: unknown): void {
  const isCall = (each: unknown): boolean => {
    const { name, input } = (each ?? {}) as Partial<ToolCall>;
    return typeof name === 'string' && typeof input === 'object' && !Array.isArray(input);
  };
  if (Array.isArray(value) && value.length > 0 && value.every(isCall)) return;
  throw new Error('fault.callTools must be a list of tools, each with name and input');
}

function checkModel(value: unknown): void {
  if (typeof value !== 'string') throw new Error('fault.model must be the name of a model');
}

function checkFlag(key: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new Error(`fault.${key} must be true or false`);
}

function checkNumber(key: string, value: unknown): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return;
  throw new Error(`fault.${key} must be a whole number, 0 or more`);
}

function checkField(key: string, value: unknown): void {
  if (key === 'headers') return checkHeaders(value);
  if (key === 'callTools') return checkTools(value);
  if (key === 'model') return checkModel(value);
  if (isFlag(key)) return checkFlag(key, value);
  if ((NUMBERS as readonly string[]).includes(key)) return checkNumber(key, value);
  throw new Error(`fault.${key} is unknown; known are ${KNOWN.join(', ')}`);
}

/** Checks fields that must fit each other. */
function checkTogether(fault: Fault): void {
  const ofAll = OF_ALL_MODELS.find((key) => fault[key] !== undefined);
  if (fault.model !== undefined && ofAll !== undefined) {
    throw new Error(`fault.${ofAll} is for all models: leave fault.model out`);
  }
  if (fault.status !== undefined && (fault.status < 400 || fault.status > 599)) {
    throw new Error('fault.status must be from 400 to 599');
  }
  if ((fault.firstTokenMs ?? 0) > 30_000) {
    throw new Error('fault.firstTokenMs must be at most 30000');
  }
}

/** Checks a fault from JSON. null: no fault. Throws an Error that names the field. */
export function parseFault(value: unknown): Fault | undefined {
  if (value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Error('a fault must be a JSON object, or null for none');
  }
  for (const [key, field] of Object.entries(value)) checkField(key, field);
  const fault = value as Fault;
  checkTogether(fault);
  return fault;
}

/** Input tokens that the model counts in the messages: a quarter of the characters of their text. */
export function tokensOf(messages: readonly { content?: unknown }[]): number {
  const characters = messages.reduce((sum, { content }) => {
    const text = typeof content === 'string' ? content : JSON.stringify(content ?? '');
    return sum + text.length;
  }, 0);
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

function systemPrompt({ messages }: ChatCompletionRequest): string {
  const { content } = messages.find(({ role }) => role === 'system') ?? {};
  return typeof content === 'string' ? content : '';
}

/** A complete answer and its tokens. */
function answer(fault: Fault, request: ChatCompletionRequest): FixtureResponse {
  const events = fault.events ?? EVENTS;
  return {
    content: fault.recite ? systemPrompt(request) : WORD.repeat(events),
    usage: {
      input_tokens: fault.inputTokens ?? tokensOf(request.messages),
      output_tokens: fault.outputTokens ?? events,
    },
  };
}

function refusal(fault: Fault & { status: number }): FixtureResponse {
  const type = ERROR_TYPES[fault.status] ?? 'api_error';
  return {
    status: fault.status,
    error: { type, message: type === 'overloaded_error' ? 'Overloaded' : `Simulated ${type}` },
    ...(fault.retryAfter === undefined ? {} : { retryAfter: fault.retryAfter }),
  };
}

/** The answers of aimock to all requests. The first that matches counts. */
export function fixtures({ model, ...fault }: Fault = {}): Fixture[] {
  const all = fixturesOf(fault);
  if (model === undefined) return all;
  const ofModel = all.map((each) => ({ ...each, match: { ...each.match, model } }));
  return [...ofModel, ...fixturesOf({})];
}

function fixturesOf(fault: Fault): Fixture[] {
  const usual = fixture(fault);
  if (!fault.callTools || fault.status !== undefined) return [usual];
  const toolCalls = fault.callTools.map(({ name, input }) => ({
    name,
    arguments: JSON.stringify(input),
  }));
  const asking: Fixture = { ...usual, response: { toolCalls } };
  return fault.insist ? [asking] : [{ ...asking, match: { hasToolResult: false } }, usual];
}

function fixture(fault: Fault): Fixture {
  const { status } = fault;
  // Bytes that are written in the same turn as the cut would not be sent.
  const eventMs = fault.eventMs ?? (fault.cutAfterEvents === undefined ? 0 : 5);
  return {
    match: { predicate: () => true },
    response: (request) =>
      status === undefined ? answer(fault, request) : refusal({ ...fault, status }),
    chunkSize: WORD.length,
    ...(eventMs > 0 ? { streamingProfile: { ttft: 0, tps: 1000 / eventMs } } : {}),
    ...(fault.cutAfterEvents === undefined ? {} : { truncateAfterChunks: fault.cutAfterEvents }),
    chaos: {
      latencyMs: fault.firstTokenMs ?? 0,
      disconnectRate: fault.disconnect ? 1 : 0,
      malformedRate: fault.malformed ? 1 : 0,
    },
  };
}
