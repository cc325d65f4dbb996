import { scanInSlices } from '../../json/scan.ts';
import type { Span } from '../../json/scan.ts';
import { JsonTree } from '../../json/tree.ts';
import type { Node } from '../../json/tree.ts';
import {
  MCP_LIST_BYTES,
  MCP_PARTS,
  MCP_TOOLS,
  MCP_TOOL_BYTES,
  MCP_VALUES,
  McpInvalid,
  McpTooLarge,
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
  /** Class of the error that the tool has thrown, as an SDK of ours says it. */
  thrown?: string;
}

/** An answer to a request, without what nothing here reads. */
export type ReadAnswer = { result: object } | { error: object };

const PROTOCOL_VERSION_UNSUPPORTED = -32022;
const INTERNAL_ERROR = -32603;
const MAX_VERSIONS = 16;
const MAX_WORD = 128;
const MAX_CURSOR = 4096;

/** Where a result of the SDK carries what was read of it: the SDK's own checks of it would take seconds. */
export const READ = 'breakwater/read';

/** The answer of a message to a request of `method`. The model gets at most `maxBytes` of a text. */
export async function readAnswer(
  { json, members }: RpcMessage,
  method: string,
  maxBytes: number,
): Promise<ReadAnswer> {
  const error = members.get('error');
  if (error) return { error: readError(treeOf(json, error), maxBytes) };
  const result = members.get('result');
  if (!result) throw new McpInvalid('an answer has neither result nor error');
  const complete = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  if (method === 'tools/call') {
    const read = await readResult(json.subarray(result.start, result.end), maxBytes);
    return { result: { ...complete, content: [], _meta: { [READ]: read } } };
  }
  const tree = treeOf(json, result);
  if (method !== 'tools/list') return { result: { ...complete, ...readWelcome(tree) } };
  const read = readPage(tree);
  const { nextCursor } = read;
  const next = nextCursor === undefined ? {} : { nextCursor };
  return { result: { ...complete, tools: [], ...next, _meta: { [READ]: read } } };
}

function treeOf(json: Buffer, span: Span): JsonTree {
  const tree = JsonTree.read(json, span, MCP_VALUES);
  if (!tree) throw new McpTooLarge(`a message has more than ${MCP_VALUES} values`);
  return tree;
}

function readError(tree: JsonTree, maxBytes: number): object {
  const member = (name: string): Node | undefined => tree.member(tree.root, name);
  const given = numberIn(tree, member('code'));
  const code = Number.isSafeInteger(given) ? given : INTERNAL_ERROR;
  const message = cutText(tree.text(member('message')), maxBytes);
  if (code !== PROTOCOL_VERSION_UNSUPPORTED) return { code, message };
  const supported = wordsIn(tree, tree.member(member('data'), 'supported'));
  const requested = wordIn(tree, tree.member(member('data'), 'requested'));
  return { code, message, data: { supported, requested } };
}

/** The result of initialize and of server/discover. */
function readWelcome(tree: JsonTree): object {
  const member = (name: string): Node | undefined => tree.member(tree.root, name);
  const tools = tree.member(member('capabilities'), 'tools');
  const listChanged = isTrue(tree, tree.member(tools, 'listChanged'));
  const protocolVersion = wordIn(tree, member('protocolVersion'));
  const versions = member('supportedVersions');
  return {
    ...(protocolVersion !== undefined && { protocolVersion }),
    ...(versions !== undefined && { supportedVersions: wordsIn(tree, versions) }),
    capabilities: tools === undefined ? {} : { tools: { listChanged } },
    serverInfo: { name: 'server', version: '' },
  };
}

/** In `_meta` of a result: the class of the error that the tool has thrown. */
const THROWN = 'breakwater.dev/thrown';

const RESULT = new Set([
  ...['content', 'isError', 'resultType', '_meta'],
  ...['task', 'inputRequests', 'requestState'],
]);

async function readResult(json: Buffer, maxBytes: number): Promise<ToolResult> {
  const scanned = await scanInSlices(json, RESULT);
  if (!scanned) throw new McpInvalid('a result is no object');
  const { members } = scanned;
  const textIn = (name: string): string | undefined => {
    const span = members.get(name);
    return span && json.toString('utf8', span.start, span.end);
  };
  const content = members.get('content');
  const meta = members.get('_meta');
  const thrown = meta && thrownIn(treeOf(json, meta));
  expectFinished(textIn('resultType') ?? typeBefore2026(members));
  return {
    content: shownContent(content ? partsIn(treeOf(json, content)) : [], maxBytes),
    isError: textIn('isError') === 'true',
    ...(thrown !== undefined && { thrown }),
  };
}

function thrownIn(tree: JsonTree): string | undefined {
  return wordIn(tree, tree.member(tree.root, THROWN));
}

/** The type of a result that states none, as JSON. */
function typeBefore2026(members: ReadonlyMap<string, Span>): string {
  if (members.has('content')) return '"complete"';
  if (members.has('task')) return '"task"';
  const asks = members.has('inputRequests') || members.has('requestState');
  return asks ? '"input_required"' : '"complete"';
}

/** Throws for a type of a result, as JSON, that is not complete. */
function expectFinished(type: string): void {
  if (type === '"task"') throw new McpUnfinished('task');
  if (type === '"input_required"') throw new McpUnfinished('input');
  if (type !== '"complete"') throw new McpInvalid('the type of a result is unknown');
}

function partsIn(tree: JsonTree): Part[] {
  const parts: Part[] = [];
  for (const node of tree.elements(tree.root)) {
    if (parts.length === MCP_PARTS) {
      const text = `[The answer has more than ${MCP_PARTS} parts; the others are left out.]`;
      parts.push({ type: 'text', text });
      break;
    }
    const resource = tree.member(node, 'resource');
    parts.push({
      ...stringsIn(tree, node, ['text', 'data', 'mimeType', 'uri']),
      type: wordIn(tree, tree.member(node, 'type')) ?? 'part',
      ...(resource !== undefined && {
        resource: stringsIn(tree, resource, ['text', 'blob', 'mimeType']),
      }),
    });
  }
  return parts;
}

function stringsIn(tree: JsonTree, node: Node, names: readonly string[]): Record<string, string> {
  const strings: [string, string][] = [];
  for (const name of names) {
    const member = tree.member(node, name);
    if (tree.isString(member)) strings.push([name, tree.text(member)]);
  }
  return Object.fromEntries(strings);
}

function readPage(tree: JsonTree): ToolPage {
  const cursor = tree.member(tree.root, 'nextCursor');
  const nextCursor = isShort(tree, cursor, MAX_CURSOR) ? tree.text(cursor) : '';
  const ttlMs = numberIn(tree, tree.member(tree.root, 'ttlMs'));
  return {
    ...toolsIn(tree, tree.member(tree.root, 'tools')),
    ...(nextCursor !== '' && { nextCursor }),
    ...(ttlMs !== undefined && ttlMs >= 0 && { ttlMs }),
  };
}

/** The tools of a list, as far as the bounds allow. */
export function toolsIn(
  tree: JsonTree,
  list: Node | undefined,
): Pick<ToolPage, 'tools' | 'leftOut'> {
  const tools: ListedTool[] = [];
  let leftOut = 0;
  let bytes = 0;
  for (const node of list === undefined ? [] : tree.elements(list)) {
    const { start, end } = tree.span(node);
    const fits = end - start <= MCP_TOOL_BYTES;
    if (fits) bytes += end - start;
    if (tools.length === MCP_TOOLS || bytes > MCP_LIST_BYTES) break;
    const tool = fits ? toolOf(tree.value(node)) : undefined;
    if (tool) tools.push(tool);
    else leftOut += 1;
  }
  return { tools, leftOut };
}

/** Undefined if it is none that a model could call. */
function toolOf(tool: unknown): ListedTool | undefined {
  if (!isObject(tool)) return undefined;
  const { name, title, description, inputSchema } = tool;
  if (typeof name !== 'string' || name === '' || name.length > MAX_WORD) return undefined;
  if (!isObject(inputSchema) || inputSchema['type'] !== 'object') return undefined;
  return {
    name,
    ...(typeof title === 'string' && { title }),
    ...(typeof description === 'string' && { description }),
    inputSchema: inputSchema as ListedTool['inputSchema'],
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isShort(tree: JsonTree, node: Node | undefined, max = MAX_WORD): node is Node {
  if (node === undefined) return false;
  const { start, end } = tree.span(node);
  return end - start <= max;
}

/** A short string. */
function wordIn(tree: JsonTree, node: Node | undefined): string | undefined {
  return tree.isString(node) && isShort(tree, node) ? tree.text(node) : undefined;
}

/** The first words of an array. */
function wordsIn(tree: JsonTree, node: Node | undefined): string[] {
  if (node === undefined) return [];
  const words = tree.elements(node).map((each) => wordIn(tree, each));
  return [...words.filter((word) => word !== undefined).take(MAX_VERSIONS)];
}

function numberIn(tree: JsonTree, node: Node | undefined): number | undefined {
  const value = isShort(tree, node) ? tree.value(node) : undefined;
  return typeof value === 'number' ? value : undefined;
}

function isTrue(tree: JsonTree, node: Node | undefined): boolean {
  return isShort(tree, node) && tree.value(node) === true;
}
