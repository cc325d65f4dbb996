/** Requests of the Messages API: what their members say (https://platform.claude.com/docs/en/api/messages). */
import { NO_TOKENS } from './usage.ts';
import type { RequestSize } from './usage.ts';
import { memberOf } from '../json/parsed.ts';
import { edited, isWritten, textOf } from '../json/scan.ts';
import type { Edit, ScannedObject, Span } from '../json/scan.ts';
import { JsonTree } from '../json/tree.ts';
import type { Node } from '../json/tree.ts';
import type {
  AskedTool,
  CacheUse,
  EndpointBounds,
  ModelRoute,
  NewestTurn,
  RequestFacts,
  RequestMembers,
  SaidText,
  SentRequest,
} from './protocol.ts';

/** The members that decide how a request is handled. Nothing else is read. */
export const REQUEST_MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'max_tokens',
  'thinking',
  'system',
  'messages',
  'metadata',
]);
/** Longest name of a model, in bytes of JSON. */
export const MAX_MODEL = 1024;
/** Tokens of an image of the largest size that is not scaled down. */
export const IMAGE_TOKENS = 1600;
/** Tokens of a document's page: its text and its picture. */
export const PAGE_TOKENS = 2500;
/** Assumed output of a request without max_tokens. */
export const DEFAULT_MAX_TOKENS = 4096;
/** Bytes of a document to search for pages. */
const SCANNED_BYTES = 4 * 1024 * 1024;
/** Largest number of values in which to search for media; in a larger request all bytes count as text. */
export const MAX_VALUES = 100_000;
/** Longest number to read, in characters. */
const MAX_NUMBER = 32;
/** Depth of nested content to search: messages → blocks → results → blocks. */
const MAX_DEPTH = 6;

/** Reads a request. A text says what is wrong with it. */
export function readRequest(
  body: Buffer,
  scanned: ScannedObject,
  { kind }: Pick<ModelRoute, 'kind'>,
): RequestFacts | string {
  const { members } = scanned;
  const named = members.get('model');
  if (named && named.end - named.start > MAX_MODEL) {
    return `model: must have at most ${MAX_MODEL} bytes.`;
  }
  const model = named ? textOf(body, named) : '';
  if (kind === 'CountTokens') return { model, stream: false, size: NO_TOKENS };
  const stream = members.get('stream');
  return {
    model,
    stream: stream !== undefined && isWritten(body, stream, 'true'),
    size: requestSize(body, scanned),
    maxTokens: statedMaxTokens(body, members),
  };
}

/** Size of a scanned request. */
export function requestSize(body: Buffer, { members, values }: ScannedObject): RequestSize {
  const media = { bytes: 0, tokens: 0 };
  // Fast path: most requests have no such source.
  if (values <= MAX_VALUES && body.includes('"base64"')) {
    for (const name of ['system', 'messages']) {
      const span = members.get(name);
      const tree = span && JsonTree.read(body, span, MAX_VALUES);
      if (tree) addMedia(body, tree, tree.root, media, 1);
    }
  }
  return {
    textBytes: Math.max(0, body.length - media.bytes),
    mediaTokens: media.tokens,
    maxTokens: statedMaxTokens(body, members) ?? DEFAULT_MAX_TOKENS,
    thinkingTokens: statedThinkingTokens(body, members),
  };
}

/** Largest value of thinking to read, in bytes. */
const MAX_THINKING = 256;

/** thinking.budget_tokens of a request; undefined if it has no valid one. */
function statedThinkingTokens(body: Buffer, members: RequestMembers): number | undefined {
  const span = members.get('thinking');
  if (!span || span.end - span.start > MAX_THINKING) return undefined;
  const thinking: unknown = JSON.parse(body.toString('utf8', span.start, span.end));
  const budget = memberOf(thinking, 'budget_tokens');
  return typeof budget === 'number' && Number.isSafeInteger(budget) && budget > 0
    ? budget
    : undefined;
}

/** max_tokens of a request; undefined if it has no valid one. */
function statedMaxTokens(body: Buffer, members: RequestMembers): number | undefined {
  return statedCount(body, members.get('max_tokens'));
}

/** A whole number above 0; undefined for another value. */
export function statedCount(body: Buffer, span: Span | undefined): number | undefined {
  if (!span || span.end - span.start > MAX_NUMBER) return undefined;
  const text = body.toString('latin1', span.start, span.end);
  const stated = /^[0-9.eE+]+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(stated) && stated > 0 ? stated : undefined;
}

interface Media {
  bytes: number;
  tokens: number;
}

function addMedia(json: Buffer, tree: JsonTree, node: Node, media: Media, depth: number): void {
  if (depth > MAX_DEPTH) return;
  for (const each of tree.elements(node)) addMedia(json, tree, each, media, depth + 1);
  const content = tree.member(node, 'content');
  if (content !== undefined) addMedia(json, tree, content, media, depth + 1);
  const source = tree.member(node, 'source');
  const data = tree.member(source, 'data');
  if (!tree.isString(data) || !tree.is(tree.member(source, 'type'), 'base64')) return;
  const { start, end } = tree.span(data);
  const text = { start: start + 1, end: end - 1 };
  media.bytes += text.end - text.start;
  const isDocument = tree.is(tree.member(node, 'type'), 'document');
  media.tokens += isDocument ? pages(json, text) * PAGE_TOKENS : IMAGE_TOKENS;
}

/** Pages of a PDF as far as it lists them uncompressed, at least 1. */
export function pages(json: Buffer, { start, end }: Span): number {
  const base64 = json.toString('latin1', start, Math.min(end, start + SCANNED_BYTES));
  const text = Buffer.from(base64, 'base64').toString('latin1');
  return Math.max(1, text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0);
}

/** The body with the endpoint's own model and bound of max_tokens, and with the edits of its provider. */
export function bodyFor(
  request: SentRequest,
  endpoint: EndpointBounds,
  others: readonly Edit[] = NO_EDITS,
): Buffer {
  const { body, members, size, maxTokens = 0 } = request;
  const bound = boundOf(endpoint, size);
  const edits = [...others];
  const replace = (name: string, value: string | number): void => {
    const span = members?.get(name);
    if (span) edits.push({ ...span, text: JSON.stringify(value) });
  };
  if (endpoint.model !== undefined) replace('model', endpoint.model);
  if (maxTokens > bound) replace('max_tokens', bound);
  return edits.length === 0 ? body : edited(body, edits);
}

const NO_EDITS: readonly Edit[] = [];

/** Bound of max_tokens. The API refuses one that is not above the thinking budget. */
function boundOf(
  { maxTokens = Infinity }: EndpointBounds,
  { thinkingTokens = 0 }: RequestSize,
): number {
  return Math.max(maxTokens, thinkingTokens + 1);
}

/** Bytes of one text of a prompt that tell sessions apart: enough for a long system prompt, and cheap to hash. */
const MAX_TEXT = 64 * 1024;
/** Texts of a prompt that tell sessions apart. */
const MAX_TEXTS = 64;
/** Largest number of values in the system prompt, and in the messages; more show no session. */
const MAX_PROMPT_VALUES = 100_000;

/**
 * The texts that all turns of a session begin with: of the system prompt, and of the user's first message. Undefined
 * without any. Leaves out cache_control, because clients move it to the newest message in each turn.
 */
export function promptTexts(body: Buffer, members: RequestMembers): string[][] | undefined {
  const [system, messages] = ['system', 'messages'].map((name) => {
    const span = members.get(name);
    return span && JsonTree.read(body, span, MAX_PROMPT_VALUES);
  });
  const first = messages && firstOfUser(messages);
  const texts = [
    system ? textsOf(system, system.root) : [],
    first === undefined ? [] : textsOf(messages!, messages!.member(first, 'content')),
  ];
  return texts.some((each) => each.length > 0) ? texts : undefined;
}

function firstOfUser(messages: JsonTree): Node | undefined {
  for (const each of messages.elements(messages.root)) {
    if (messages.is(messages.member(each, 'role'), 'user')) return each;
  }
  return undefined;
}

/** The texts of a string or of blocks. Sources stand for blocks without text. */
export function textsOf(tree: JsonTree, content: Node | undefined): string[] {
  if (content === undefined) return [];
  if (tree.isString(content)) return [tree.text(content, MAX_TEXT)];
  const texts: string[] = [];
  for (const block of tree.elements(content)) {
    const source = tree.member(block, 'source');
    const parts = ['data', 'url', 'file_id'].map((name) => tree.member(source, name));
    for (const part of [tree.member(block, 'text'), ...parts]) {
      if (tree.isString(part)) texts.push(tree.text(part, MAX_TEXT));
    }
    if (texts.length >= MAX_TEXTS) break;
  }
  return texts;
}

const CACHE_CONTROL = '"cache_control"';
/** Longest cache_control to read, in bytes. */
const MAX_CACHE_CONTROL = 128;
/** Number of them to read; the API takes four. */
const MAX_BREAKPOINTS = 256;
const ONE_HOUR = /^\s*:\s*\{[^{}]*"ttl"\s*:\s*"1h"/;

/** Whether the provider caches the prompt. Quotes within a text are escaped, so the bytes are the name of a member. */
export function cacheUse(body: Buffer): CacheUse {
  if (!body.includes(CACHE_CONTROL)) return 'None';
  return asksForAnHour(body) ? 'Long' : 'Usual';
}

/** Whether any cache_control asks for the longer lifetime. */
function asksForAnHour(body: Buffer): boolean {
  let at = 0;
  for (let i = 0; i < MAX_BREAKPOINTS; i += 1) {
    const found = body.indexOf(CACHE_CONTROL, at);
    if (found < 0) return false;
    at = found + CACHE_CONTROL.length;
    if (ONE_HOUR.test(body.toString('latin1', at, at + MAX_CACHE_CONTROL))) return true;
  }
  return false;
}

/** Screened bytes of JSON, for texts and for tools each. */
const MAX_LOOKED_AT = 64 * 1024;
/** Number of newest messages that are screened. */
const MAX_MESSAGES = 64;
/** Largest number of values in messages, with keys. A conversation of a million tokens has fewer. */
const MAX_MESSAGE_VALUES = 200_000;
const TOO_MANY_VALUES = `messages: has more than ${MAX_MESSAGE_VALUES} values, which is more than the agent can look at. Send fewer.`;
/** Longest name of a tool, in bytes of JSON. */
const MAX_NAME = 512;

/** The parts of a request to screen. A text says why they cannot be read. */
export function newestTurn(body: Buffer, members: RequestMembers): NewestTurn | string | undefined {
  const messages = members.get('messages');
  if (!messages) return undefined;
  const tree = JsonTree.read(body, messages, MAX_MESSAGE_VALUES);
  return tree ? turnIn(tree) : TOO_MANY_VALUES;
}

type TextKind = SaidText['kind'];

function turnIn(tree: JsonTree): NewestTurn {
  const messages = [...tree.elements(tree.root)].slice(-MAX_MESSAGES).map((message) => ({
    isModels: tree.is(tree.member(message, 'role'), 'assistant'),
    content: tree.member(message, 'content'),
  }));
  const spoke = messages.findLastIndex(({ isModels }) => isModels);
  const texts = new Texts(tree);
  for (const { content } of messages.slice(spoke + 1)) texts.read(content, 'UserInput');
  const tools = new Tools(tree);
  // Newest first: the bound drops the oldest.
  for (const { isModels, content } of messages.toReversed()) {
    if (content === undefined || !isModels) {
      if (content !== undefined && isOfUser(tree, content)) break;
      continue;
    }
    tools.read(content);
  }
  return { texts: texts.said, tools: tools.asked.reverse() };
}

/** Whether a message holds more than results of tools. */
function isOfUser(tree: JsonTree, content: Node): boolean {
  for (const block of tree.elements(content)) {
    if (tree.is(tree.member(block, 'type'), 'tool_result')) return false;
  }
  return true;
}

class Texts {
  readonly said: SaidText[] = [];
  readonly #tree: JsonTree;
  #left = MAX_LOOKED_AT;

  constructor(tree: JsonTree) {
    this.#tree = tree;
  }

  read(content: Node | undefined, kind: TextKind): void {
    if (content === undefined) return;
    if (this.#tree.isString(content)) return this.#add(content, kind);
    for (const block of this.#tree.elements(content)) this.#block(block, kind);
  }

  #block(block: Node, kind: TextKind): void {
    if (this.#left <= 0) return;
    const tree = this.#tree;
    const type = tree.member(block, 'type');
    if (tree.is(type, 'text')) this.#add(tree.member(block, 'text'), kind);
    else if (tree.is(type, 'tool_result')) this.read(tree.member(block, 'content'), 'ToolResults');
    else if (tree.is(type, 'search_result')) this.read(tree.member(block, 'content'), 'Documents');
    else if (tree.is(type, 'document')) this.#document(tree.member(block, 'source'));
  }

  #document(source: Node | undefined): void {
    const data = this.#tree.member(source, 'data');
    const isText = this.#tree.is(this.#tree.member(source, 'type'), 'text');
    if (data !== undefined && isText) this.#add(data, 'Documents');
    else this.read(this.#tree.member(source, 'content'), 'Documents');
  }

  #add(node: Node | undefined, kind: TextKind): void {
    if (this.#left <= 0 || !this.#tree.isString(node)) return;
    const { start, end } = this.#tree.span(node);
    const text = this.#tree.text(node, this.#left);
    this.#left -= end - start;
    if (text !== '') this.said.push({ kind, text });
  }
}

class Tools {
  /** Newest first. */
  readonly asked: AskedTool[] = [];
  readonly #tree: JsonTree;
  #left = MAX_LOOKED_AT;

  constructor(tree: JsonTree) {
    this.#tree = tree;
  }

  read(content: Node): void {
    const tree = this.#tree;
    for (const block of [...tree.elements(content)].reverse()) {
      const name = tree.member(block, 'name');
      const input = tree.member(block, 'input');
      if (name === undefined || input === undefined) continue;
      if (!tree.is(tree.member(block, 'type'), 'tool_use')) continue;
      const { start, end } = tree.span(block);
      this.#left -= end - start;
      if (this.#left < 0) return;
      this.asked.push({ name: tree.text(name, MAX_NAME), input: tree.value(input) });
    }
  }
}
