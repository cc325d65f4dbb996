import { elementsOf, isWritten, membersOf, textOf } from '../../json/scan.ts';
import type { Span } from '../../json/scan.ts';
import {
  MCP_LIST_BYTES,
  MCP_PARTS,
  MCP_TOOLS,
  MCP_TOOL_BYTES,
  McpInvalid,
  McpUnfinished,
} from './mcpBounds.ts';
import { cutText, shownContent } from './mcpContent.ts';
import type { Part, ShownContent } from './mcpContent.ts';
import type { RpcMessage } from './mcpMessages.ts';

/** A tool as a server lists it. */
export interface ListedTool {
  name: string;
  title?: string;
  description?: string;
  inputSchema: { type: 'object' } & Record<string, unknown>;
  outputSchema?: object;
}

/** One page of a list of tools. */
export interface ToolPage {
  tools: ListedTool[];
  /** Number of tools that are too large or malformed. */
  leftOut: number;
  nextCursor?: string;
  /** Time for which the list holds, in milliseconds. */
  ttlMs?: number;
}

/** What a call of a tool returns. */
export interface ToolResult {
  content: ShownContent;
  isError: boolean;
  /** The structured content, as JSON. */
  structured?: string;
}

/** An answer to a request, without what nothing here reads. */
export type ReadAnswer = { result: object } | { error: object };

const PROTOCOL_VERSION_UNSUPPORTED = -32022;
const INTERNAL_ERROR = -32603;
const MAX_VERSIONS = 16;
const MAX_WORD = 128;
const MAX_CURSOR = 4096;
/** A list is read no further than this many elements. */
const MAX_ELEMENTS = 4 * MCP_TOOLS;

/** Where a result of the SDK carries what was read of it: the SDK's own checks of it would take seconds. */
export const READ = 'breakwater/read';

/** The answer of a message to a request of `method`. The model gets at most `maxBytes` of a text. */
export function readAnswer(
  { json, members }: RpcMessage,
  method: string,
  maxBytes: number,
): ReadAnswer {
  const error = members.get('error');
  if (error) return { error: readError({ json, span: error }, maxBytes) };
  const span = members.get('result');
  if (!span) throw new McpInvalid('an answer has neither result nor error');
  const value = { json, span };
  if (method === 'tools/call') {
    const read = readResult(value, maxBytes);
    return { result: { resultType: 'complete', content: [], _meta: { [READ]: read } } };
  }
  if (method === 'tools/list') {
    const read = readPage(value);
    const cacheable = { ttlMs: 0, cacheScope: 'private' };
    const { nextCursor } = read;
    const next = nextCursor === undefined ? {} : { nextCursor };
    return {
      result: { resultType: 'complete', tools: [], ...next, ...cacheable, _meta: { [READ]: read } },
    };
  }
  return { result: readWelcome(value) };
}

/** A value in the bytes of a message. */
interface Value {
  json: Buffer;
  span: Span;
}

const ERROR = new Set(['code', 'message', 'data']);

function readError(value: Value, maxBytes: number): object {
  const { code: number, message, data } = membersIn(value, ERROR);
  const given = numberIn(number);
  const code = Number.isSafeInteger(given) ? given : INTERNAL_ERROR;
  const supported = code === PROTOCOL_VERSION_UNSUPPORTED && data ? versionsIn(data) : {};
  return { code, message: cutText(stringIn(message) ?? '', maxBytes), ...supported };
}

const SUPPORTED = new Set(['supported', 'requested']);

function versionsIn(value: Value): { data?: object } {
  const { supported, requested } = membersIn(value, SUPPORTED);
  const word = wordIn(requested);
  return {
    data: { supported: wordsIn(supported), ...(word !== undefined && { requested: word }) },
  };
}

const WELCOME = new Set(['protocolVersion', 'supportedVersions', 'capabilities']);
const CAPABILITIES = new Set(['tools']);
const TOOLS = new Set(['listChanged']);

/** The result of initialize and of server/discover. */
function readWelcome(value: Value): object {
  const { protocolVersion, supportedVersions, capabilities } = membersIn(value, WELCOME);
  const tools = capabilities && membersIn(capabilities, CAPABILITIES)['tools'];
  const listChanged = tools && isTrue(membersIn(tools, TOOLS)['listChanged']);
  const version = wordIn(protocolVersion);
  return {
    resultType: 'complete',
    ...(version !== undefined && { protocolVersion: version }),
    ...(supportedVersions && { supportedVersions: wordsIn(supportedVersions) }),
    capabilities: tools ? { tools: { listChanged } } : {},
    serverInfo: { name: 'server', version: '' },
    ...{ ttlMs: 0, cacheScope: 'private' },
  };
}

const RESULT = new Set([
  ...['content', 'isError', 'structuredContent', 'resultType'],
  ...['task', 'inputRequests', 'requestState'],
]);

function readResult(value: Value, maxBytes: number): ToolResult {
  const found = membersIn(value, RESULT);
  const { content, isError, structuredContent, task, inputRequests, requestState } = found;
  const type = wordIn(found['resultType']) ?? 'complete';
  if (type === 'task' || (task && !content)) throw new McpUnfinished('task');
  if (type === 'input_required' || ((inputRequests ?? requestState) && !content)) {
    throw new McpUnfinished('input');
  }
  if (type !== 'complete') throw new McpInvalid('the type of a result is unknown');
  const parts = content ? partsIn(content) : [];
  return {
    content: shownContent(parts, maxBytes),
    isError: isTrue(isError),
    ...(structuredContent && { structured: jsonIn(structuredContent) }),
  };
}

function partsIn({ json, span }: Value): Part[] {
  const parts: Part[] = [];
  for (const element of elementsOf(json, span)) {
    if (parts.length === MCP_PARTS) {
      const text = `[The answer has more than ${MCP_PARTS} parts; the others are left out.]`;
      parts.push({ type: 'text', text });
      break;
    }
    parts.push(partIn({ json, span: element }));
  }
  return parts;
}

const PART = new Set(['type', 'text', 'data', 'mimeType', 'uri', 'resource']);
const RESOURCE = new Set(['text', 'blob', 'mimeType']);

function partIn(value: Value): Part {
  const { type, resource, ...strings } = membersIn(value, PART);
  return {
    ...stringsIn(strings),
    type: wordIn(type) ?? 'part',
    ...(resource && { resource: stringsIn(membersIn(resource, RESOURCE)) }),
  };
}

function stringsIn(values: Record<string, Value>): Record<string, string> {
  const strings = Object.entries(values).flatMap(([name, value]) => {
    const string = stringIn(value);
    return string === undefined ? [] : [[name, string] as const];
  });
  return Object.fromEntries(strings);
}

const PAGE = new Set(['tools', 'nextCursor', 'ttlMs']);

function readPage(value: Value): ToolPage {
  const { tools: list, nextCursor, ttlMs } = membersIn(value, PAGE);
  const tools: ListedTool[] = [];
  let leftOut = 0;
  let bytes = 0;
  for (const span of list ? elementsOf(list.json, list.span) : []) {
    if (tools.length === MCP_TOOLS || tools.length + leftOut === MAX_ELEMENTS) break;
    const size = span.end - span.start;
    if (size <= MCP_TOOL_BYTES) bytes += size;
    if (bytes > MCP_LIST_BYTES) break;
    const tool = size <= MCP_TOOL_BYTES ? toolOf(jsonIn({ ...value, span })) : undefined;
    if (tool) tools.push(tool);
    else leftOut += 1;
  }
  const cursor = nextCursor && sizeOf(nextCursor) <= MAX_CURSOR ? stringIn(nextCursor) : undefined;
  const ttl = numberIn(ttlMs);
  return {
    tools,
    leftOut,
    ...(cursor !== undefined && { nextCursor: cursor }),
    ...(ttl !== undefined && ttl >= 0 && { ttlMs: ttl }),
  };
}

/** Undefined if it is none that a model could call. */
function toolOf(json: string): ListedTool | undefined {
  const tool = JSON.parse(json) as Partial<Record<keyof ListedTool, unknown>> | null;
  if (typeof tool !== 'object' || tool === null) return undefined;
  const { name, title, description, inputSchema, outputSchema } = tool;
  if (typeof name !== 'string' || name === '' || name.length > MAX_WORD) return undefined;
  if (!isObject(inputSchema) || inputSchema['type'] !== 'object') return undefined;
  return {
    name,
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
    inputSchema: inputSchema as ListedTool['inputSchema'],
    ...(isObject(outputSchema) && { outputSchema }),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function membersIn({ json, span }: Value, names: ReadonlySet<string>): Record<string, Value> {
  const members = membersOf(json, span, names);
  return Object.fromEntries(Array.from(members, ([name, each]) => [name, { json, span: each }]));
}

function sizeOf({ span }: Value): number {
  return span.end - span.start;
}

function jsonIn({ json, span }: Value): string {
  return json.toString('utf8', span.start, span.end);
}

/** Undefined for a value that is no string. */
function stringIn(value: Value | undefined): string | undefined {
  if (!value || jsonStart(value) !== '"') return undefined;
  return textOf(value.json, value.span);
}

/** A short string. */
function wordIn(value: Value | undefined): string | undefined {
  return value && sizeOf(value) <= MAX_WORD ? stringIn(value) : undefined;
}

function wordsIn(value: Value | undefined): string[] {
  const words: string[] = [];
  for (const span of value ? elementsOf(value.json, value.span) : []) {
    const word = wordIn({ ...value!, span });
    if (word !== undefined) words.push(word);
    if (words.length === MAX_VERSIONS) break;
  }
  return words;
}

function numberIn(value: Value | undefined): number | undefined {
  if (!value || sizeOf(value) > MAX_WORD) return undefined;
  const number: unknown = JSON.parse(jsonIn(value));
  return typeof number === 'number' ? number : undefined;
}

function isTrue(value: Value | undefined): boolean {
  return value !== undefined && isWritten(value.json, value.span, 'true');
}

function jsonStart({ json, span }: Value): string {
  return String.fromCharCode(json[span.start]!);
}
