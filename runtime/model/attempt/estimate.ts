import { BYTES_PER_TOKEN } from './usage.ts';
import type { Usage } from './usage.ts';

/** What a call is expected to take, reserved before it is made. */
export interface Estimate {
  inputTokens: number;
  /** max_tokens; whoever reserves it takes no more than a full bucket. */
  outputTokens: number;
}

/** What of a request decides the estimate. */
export interface RequestSize {
  /** Bytes of the request without base64 sources. */
  textBytes: number;
  /** Tokens of its images and documents. */
  mediaTokens: number;
  /** max_tokens, or what is assumed when none is stated. */
  maxTokens: number;
}

/** Size of a request for which no tokens are produced or counted. */
export const NO_TOKENS: RequestSize = {
  textBytes: 0,
  mediaTokens: 0,
  maxTokens: 0,
};

/** Tokens of an image at the largest size that is not scaled down. */
const IMAGE_TOKENS = 1600;
/** Tokens of a page of a document, its text and its picture. */
const PAGE_TOKENS = 2500;
/** Output of a request that states no max_tokens. */
const DEFAULT_MAX_TOKENS = 4096;
/** Share that a new observation has in the ratio. */
const WEIGHT = 0.1;
/** Bounds on the ratio, so that one odd answer cannot spoil the estimates for long. */
const MIN_RATIO = 0.05;
const MAX_RATIO = 4;
/** Models whose ratio is remembered; the one used longest ago gives way. */
const MAX_MODELS = 64;
/** Bytes of a document in which pages are counted. */
const SCANNED_BYTES = 4 * 1024 * 1024;
/** Content within content that is looked into: messages → blocks → results → blocks. */
const MAX_DEPTH = 6;

/**
 * Estimates the tokens of calls: bytes ÷ 3.5 × a ratio that each answer's usage teaches, by model.
 */
export class TokenEstimator {
  readonly #ratios = new Map<string, number>();

  /** 1 until something is learned. */
  ratio(model: string): number {
    return this.#ratios.get(model) ?? 1;
  }

  estimate(model: string, { textBytes, mediaTokens, maxTokens }: RequestSize): Estimate {
    const text = Math.ceil((textBytes / BYTES_PER_TOKEN) * this.ratio(model));
    return { inputTokens: text + mediaTokens, outputTokens: maxTokens };
  }

  /** Learns from what a call took. Requests with images or documents teach nothing about text. */
  learn(model: string, { textBytes, mediaTokens }: RequestSize, { inputTokens }: Usage): void {
    if (inputTokens === undefined || mediaTokens > 0 || textBytes === 0) return;
    const seen = inputTokens / (textBytes / BYTES_PER_TOKEN);
    const before = this.#ratios.get(model);
    const ratio = before === undefined ? seen : before + WEIGHT * (seen - before);
    this.#ratios.delete(model);
    this.#ratios.set(model, Math.min(MAX_RATIO, Math.max(MIN_RATIO, ratio)));
    const [oldest] = this.#ratios.keys();
    if (this.#ratios.size > MAX_MODELS && oldest !== undefined) this.#ratios.delete(oldest);
  }
}

/** Size of a request; `parsed` is the body as JSON. */
export function requestSize(body: Buffer, parsed: Record<string, unknown>): RequestSize {
  const media = { bytes: 0, tokens: 0 };
  // The search spares the usual request, which has no such source, the walk.
  if (body.includes('"base64"')) addMedia([parsed.system, parsed.messages], media, 0);
  return {
    textBytes: Math.max(0, body.length - media.bytes),
    mediaTokens: media.tokens,
    maxTokens: statedMaxTokens(parsed) ?? DEFAULT_MAX_TOKENS,
  };
}

/** max_tokens of a request; undefined when it states none that is valid. */
export function statedMaxTokens({
  max_tokens: stated,
}: Record<string, unknown>): number | undefined {
  const valid = typeof stated === 'number' && Number.isSafeInteger(stated) && stated > 0;
  return valid ? stated : undefined;
}

function addMedia(value: unknown, media: { bytes: number; tokens: number }, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return;
  if (Array.isArray(value)) {
    for (const each of value) addMedia(each, media, depth + 1);
    return;
  }
  const { type, source, content } = value as Record<string, unknown>;
  addMedia(content, media, depth + 1);
  const data = base64Data(source);
  if (data === undefined) return;
  media.bytes += data.length;
  media.tokens += type === 'document' ? pages(data) * PAGE_TOKENS : IMAGE_TOKENS;
}

function base64Data(source: unknown): string | undefined {
  if (typeof source !== 'object' || source === null) return undefined;
  const { type, data } = source as { type?: unknown; data?: unknown };
  return type === 'base64' && typeof data === 'string' ? data : undefined;
}

/** Pages of a PDF as far as it lists them in the clear, at least 1. */
function pages(base64: string): number {
  const text = Buffer.from(base64.slice(0, SCANNED_BYTES), 'base64').toString('latin1');
  return Math.max(1, text.match(/\/Type\s*\/Page(?![a-zA-Z])/g)?.length ?? 0);
}
