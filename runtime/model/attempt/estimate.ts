import type { ScannedObject, Span } from '../../json/scan.ts';
import { JsonTree } from '../../json/tree.ts';
import type { Node } from '../../json/tree.ts';
import { memberOf } from '../../json/parsed.ts';
import { BYTES_PER_TOKEN } from '../../protocols/usage.ts';
import type { Usage } from '../../protocols/usage.ts';

/** Expected tokens of a call, to reserve before it. */
export interface Estimate {
  inputTokens: number;
  /** max_tokens. A reservation takes at most a full bucket. */
  outputTokens: number;
}

/** The parts of a request that decide the estimate. */
export interface RequestSize {
  /** Bytes of the request without base64 sources. */
  textBytes: number;
  /** Tokens of its images and documents. */
  mediaTokens: number;
  /** max_tokens, or a default if none is stated. */
  maxTokens: number;
  /** Part of them that the request reserves for thinking: thinking.budget_tokens. Absent: none. */
  thinkingTokens?: number | undefined;
}

/** Size of a request that neither produces nor counts tokens. */
export const NO_TOKENS: RequestSize = {
  textBytes: 0,
  mediaTokens: 0,
  maxTokens: 0,
};

/** Tokens of an image of the largest size that is not scaled down. */
export const IMAGE_TOKENS = 1600;
/** Tokens of a document's page: its text and its picture. */
const PAGE_TOKENS = 2500;
/** Assumed output of a request without max_tokens. */
const DEFAULT_MAX_TOKENS = 4096;
/** Weight of a new observation in the ratio. */
const WEIGHT = 0.1;
/** Bounds on the ratio, so that one odd answer cannot spoil the estimates for long. */
const MIN_RATIO = 0.05;
const MAX_RATIO = 4;
/** Largest number of models. Evicts the one used longest ago. */
const MAX_MODELS = 64;
/** Bytes of a document to search for pages. */
const SCANNED_BYTES = 4 * 1024 * 1024;
/** Largest number of values in which to search for media; in a larger request all bytes count as text. */
const MAX_VALUES = 100_000;
/** Longest number to read, in characters. */
const MAX_NUMBER = 32;
/** Depth of nested content to search: messages → blocks → results → blocks. */
const MAX_DEPTH = 6;

/** Estimates the tokens of calls: bytes ÷ 3.5 × a ratio that it learns for each model from the usage in answers. */
export class TokenEstimator {
  readonly #ratios = new Map<string, number>();

  /** 1 before the first answer. */
  ratio(model: string): number {
    return this.#ratios.get(model) ?? 1;
  }

  estimate(model: string, { textBytes, mediaTokens, maxTokens }: RequestSize): Estimate {
    const text = Math.ceil((textBytes / BYTES_PER_TOKEN) * this.ratio(model));
    return { inputTokens: text + mediaTokens, outputTokens: maxTokens };
  }

  /**
   * Learns from the usage of a call. Skips requests with images or documents, which say nothing about text. What was
   * read from the provider's cache is text as well: the next request may not be there.
   */
  learn(model: string, { textBytes, mediaTokens }: RequestSize, usage: Usage): void {
    const { inputTokens, cacheReadTokens = 0 } = usage;
    if (inputTokens === undefined || mediaTokens > 0 || textBytes === 0) return;
    const seen = (inputTokens + cacheReadTokens) / (textBytes / BYTES_PER_TOKEN);
    const before = this.#ratios.get(model);
    const ratio = before === undefined ? seen : before + WEIGHT * (seen - before);
    this.#ratios.delete(model);
    this.#ratios.set(model, Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio)));
    const [oldest] = this.#ratios.keys();
    if (this.#ratios.size > MAX_MODELS && oldest !== undefined) this.#ratios.delete(oldest);
  }
}

/** Members of a request by name, as scanObject finds them. */
export type RequestMembers = ReadonlyMap<string, Span>;

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
export function statedMaxTokens(body: Buffer, members: RequestMembers): number | undefined {
  const span = members.get('max_tokens');
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
function pages(json: Buffer, { start, end }: Span): number {
  const base64 = json.toString('latin1', start, Math.min(end, start + SCANNED_BYTES));
  const text = Buffer.from(base64, 'base64').toString('latin1');
  return Math.max(1, text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0);
}
