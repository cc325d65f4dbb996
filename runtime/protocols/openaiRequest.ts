/** Requests of Chat Completions and Responses: what their members say (https://platform.openai.com/docs/api-reference). */
import { parseJson } from '../json/parsed.ts';
import { edited, isWritten, textOf } from '../json/scan.ts';
import type { Edit, ScannedObject, Span } from '../json/scan.ts';
import { JsonTree } from '../json/tree.ts';
import type { Node } from '../json/tree.ts';
import {
  DEFAULT_MAX_TOKENS,
  IMAGE_TOKENS,
  MAX_MODEL,
  MAX_VALUES,
  PAGE_TOKENS,
  pages,
  statedCount,
  textsOf,
} from './anthropicRequest.ts';
import type {
  CacheUse,
  EndpointBounds,
  RequestFacts,
  RequestMembers,
  SentRequest,
} from './protocol.ts';
import type { RequestSize } from './usage.ts';

/** How the requests of one of the two APIs are written. */
export interface RequestForm {
  /** Members that bound the tokens of an answer. */
  bounds: readonly [string, ...string[]];
  /** The member with the newest messages. */
  messages: string;
  /** The member with the instructions, if they are not among the messages. */
  instructions?: string;
  /** Members by which a request uses what one endpoint keeps. */
  state: readonly string[];
  /** The member by which a stream is asked for its usage; absent if it always has one. */
  streamOptions?: string;
}

/** Number of answers to one request. */
const ANSWERS = 'n';
/** Names what requests have in common, for the provider's cache. */
const CACHE_KEY = 'prompt_cache_key';
const NOT_SET: ReadonlySet<string> = new Set(['null', 'false', '""']);

/** The members to read. */
export function membersOf(form: RequestForm): ReadonlySet<string> {
  const { bounds, messages, instructions = messages, state, streamOptions = messages } = form;
  const own = [messages, instructions, streamOptions];
  return new Set(['model', 'stream', ANSWERS, CACHE_KEY, ...bounds, ...own, ...state]);
}

/** Reads a request. A text says what is wrong with it. */
export function readRequest(
  form: RequestForm,
  body: Buffer,
  { members, values }: Pick<ScannedObject, 'members' | 'values'>,
): RequestFacts | string {
  const named = members.get('model');
  if (named && named.end - named.start > MAX_MODEL) {
    return `model: must have at most ${MAX_MODEL} bytes.`;
  }
  const stated = form.bounds
    .map((name) => statedCount(body, members.get(name)))
    .find((each) => each !== undefined);
  const answers = statedCount(body, members.get(ANSWERS)) ?? 1;
  const isTrue = (name: string): boolean => {
    const span = members.get(name);
    return span !== undefined && isWritten(body, span, 'true');
  };
  const stream = isTrue('stream');
  return {
    model: named ? textOf(body, named) : '',
    stream,
    size: sizeOf(form, body, { members, values }, (stated ?? DEFAULT_MAX_TOKENS) * answers),
    maxTokens: stated && stated * answers,
    ...(stream && lacksUsage(form, body, members) && { lacksUsage: true }),
    ...(form.state.some((name) => isSet(body, members.get(name))) && { usesState: true }),
  };
}

function isSet(body: Buffer, span: Span | undefined): boolean {
  return span !== undefined && !NOT_SET.has(body.toString('latin1', span.start, span.end));
}

/** Largest stream options to read, in bytes. */
const MAX_OPTIONS = 4096;

/** Options of a stream; undefined if they cannot be read. */
function optionsOf(body: Buffer, span: Span | undefined): Record<string, unknown> | undefined {
  if (!span) return {};
  if (span.end - span.start > MAX_OPTIONS) return undefined;
  const options = parseJson(body.toString('utf8', span.start, span.end)) ?? {};
  return typeof options === 'object' ? (options as Record<string, unknown>) : undefined;
}

/** Whether a stream leaves out the usage because the client has not asked for it. */
function lacksUsage(
  { streamOptions }: RequestForm,
  body: Buffer,
  members: RequestMembers,
): boolean {
  if (streamOptions === undefined) return false;
  const options = optionsOf(body, members.get(streamOptions));
  return options !== undefined && options.include_usage !== true;
}

interface Change {
  name: string;
  value: unknown;
}

/** The body with the endpoint's own model and bound of tokens, and the question for usage if it is to be added. */
export function bodyFor(
  form: RequestForm,
  { body, members = NO_MEMBERS, addsUsage = false }: SentRequest,
  endpoint: EndpointBounds,
): Buffer {
  const { streamOptions } = form;
  const options = addsUsage && streamOptions !== undefined ? [streamOptions] : [];
  const changes: Change[] = [
    ...boundedIn(form, body, members, endpoint),
    ...options.map((name) => ({ name, value: withUsage(body, members.get(name)) })),
  ];
  return edited(
    body,
    changes.map((each) => editOf(each, body, members)),
  );
}

/** A member that is not there is inserted in front of all others, of which there is one at least. */
function editOf({ name, value }: Change, body: Buffer, members: RequestMembers): Edit {
  const text = JSON.stringify(value);
  const span = members.get(name);
  if (span) return { ...span, text };
  const start = body.indexOf('{') + 1;
  return { start, end: start, text: `${JSON.stringify(name)}:${text},` };
}

const NO_MEMBERS: RequestMembers = new Map();

function boundedIn(
  form: RequestForm,
  body: Buffer,
  members: RequestMembers,
  { model, maxTokens: bound = Infinity }: EndpointBounds,
): Change[] {
  const isAbove = (name: string): boolean => (statedCount(body, members.get(name)) ?? 0) > bound;
  return [
    ...(model !== undefined && members.has('model') ? [{ name: 'model', value: model }] : []),
    ...form.bounds.filter(isAbove).map((name) => ({ name, value: bound })),
  ];
}

function withUsage(body: Buffer, span: Span | undefined): object {
  return { ...optionsOf(body, span), include_usage: true };
}

/** Bytes from which OpenAI caches a prompt: 1024 tokens, about. */
const CACHED_BYTES = 4096;

/** OpenAI caches long prompts by itself. */
export function cacheUse(body: Buffer): CacheUse {
  return body.length < CACHED_BYTES ? 'None' : 'Usual';
}

/** Largest number of values in a prompt; more show no session. */
const MAX_PROMPT_VALUES = 100_000;

/** What all turns of a session begin with: the key of the cache; else the instructions and the user's first message. */
export function promptTexts(
  { messages, instructions }: RequestForm,
  body: Buffer,
  members: RequestMembers,
): string[][] | undefined {
  const read = (name: string | undefined): JsonTree | undefined => {
    const span = name === undefined ? undefined : members.get(name);
    return span && JsonTree.read(body, span, MAX_PROMPT_VALUES);
  };
  const key = read(CACHE_KEY);
  if (key?.isString(key.root)) return [textsOf(key, key.root)];
  const own = read(instructions);
  const tree = read(messages);
  const texts = [own ? textsOf(own, own.root) : [], ...(tree ? firstTexts(tree) : [])];
  return texts.some((each) => each.length > 0) ? texts : undefined;
}

/** The texts up to the user's first message. */
function firstTexts(tree: JsonTree): string[][] {
  if (tree.isString(tree.root)) return [textsOf(tree, tree.root)];
  const texts: string[][] = [];
  for (const each of tree.elements(tree.root)) {
    texts.push(textsOf(tree, tree.member(each, 'content')));
    if (tree.is(tree.member(each, 'role'), 'user')) break;
  }
  return texts;
}

interface Media {
  bytes: number;
  tokens: number;
}

function sizeOf(
  form: RequestForm,
  body: Buffer,
  { members, values }: Pick<ScannedObject, 'members' | 'values'>,
  maxTokens: number,
): RequestSize {
  const media: Media = { bytes: 0, tokens: 0 };
  const span = members.get(form.messages);
  // Fast path: most requests have no media.
  if (span && values <= MAX_VALUES && MEDIA.some((name) => body.includes(name))) {
    const tree = JsonTree.read(body, span, MAX_VALUES);
    for (const message of tree?.elements(tree.root) ?? []) {
      const content = tree!.member(message, 'content');
      if (content === undefined) continue;
      for (const part of tree!.elements(content)) addMedia(body, tree!, part, media);
    }
  }
  const textBytes = Math.max(0, body.length - media.bytes);
  return { textBytes, mediaTokens: media.tokens, maxTokens };
}

/** What a request with media has in its bytes. */
const MEDIA = [';base64,', '"input_audio"'];
/** Where a part has its media, by the names of Chat Completions, then of Responses. */
const PLACES: readonly (readonly string[])[] = [
  ['image_url', 'url'],
  ['file', 'file_data'],
  ['input_audio', 'data'],
  ['image_url'],
  ['file_data'],
];
const OF_DOCUMENT = 'file_data';

function addMedia(json: Buffer, tree: JsonTree, part: Node, media: Media): void {
  for (const place of PLACES) {
    const data = place.reduce<Node | undefined>((node, name) => tree.member(node, name), part);
    if (!tree.isString(data)) continue;
    const { start, end } = tree.span(data);
    const text = { start: dataStart(json, start), end: end - 1 };
    media.bytes += text.end - text.start;
    const isDocument = place.at(-1) === OF_DOCUMENT;
    media.tokens += isDocument ? pages(json, text) * PAGE_TOKENS : IMAGE_TOKENS;
  }
}

/** Longest head of a data URL, such as data:image/png;base64, in bytes. */
const MAX_HEAD = 256;

/** Where the data of a string begins: after the head of a data URL. */
function dataStart(json: Buffer, start: number): number {
  const head = json.toString('latin1', start + 1, start + 1 + MAX_HEAD);
  return start + 1 + (/^data:[^",]*,/.exec(head)?.[0].length ?? 0);
}
