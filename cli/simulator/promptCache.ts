import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Lifetimes after the last use, in milliseconds: the default, and that of `ttl: "1h"`. */
const LIFETIME_MS = 300_000;
const LONG_LIFETIME_MS = 3_600_000;
/** Largest number of cached prefixes. The least recently used one is evicted. */
const MAX_ENTRIES = 10_000;

/** Shares of a prompt; their sum is 1. */
export interface CachedShares {
  read: number;
  written: number;
}

interface CacheControl {
  ttl?: string;
}

/** A block of content, a tool, or a message. */
interface Block {
  cache_control?: CacheControl | null;
  role?: unknown;
  text?: unknown;
  content?: unknown;
}

/** The body of a request, which may have any content. */
interface Prompt {
  model?: unknown;
  tools?: unknown;
  system?: unknown;
  messages?: unknown;
}

/** A prefix of a prompt. */
interface Beginning {
  digest: string;
  /** Its share of the prompt. */
  share: number;
  control: CacheControl | undefined;
}

/**
 * The prompt cache of one provider. It stores a prompt up to each block with cache_control, in the order tools, system,
 * messages. Later requests with the same credential, model and prefix read it. It has no minimum length, which keeps
 * tests short.
 */
export class PromptCache {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Shares of a prompt that are read and written; undefined if it does not use the cache. */
  use(prompt: Prompt, credential: string): CachedShares | undefined {
    const beginnings = beginningsOf(prompt, credential);
    const last = beginnings.findLastIndex(({ control }) => control !== undefined);
    if (last < 0) return undefined;
    const now = this.#now();
    const found = beginnings
      .slice(0, last + 1)
      .findLast(({ digest }) => (this.#until.get(digest) ?? 0) > now);
    for (const { digest, control } of beginnings) {
      if (control !== undefined) this.#keep(digest, now + lifetime(control));
    }
    // A read prefix gets the lifetime of the part after it.
    if (found) this.#keep(found.digest, now + lifetime(beginnings[last]!.control));
    const read = found?.share ?? 0;
    return { read, written: beginnings[last]!.share - read };
  }

  #keep(digest: string, until: number): void {
    const longest = Math.max(until, this.#until.get(digest) ?? 0);
    this.#until.delete(digest);
    this.#until.set(digest, longest);
    if (this.#until.size > MAX_ENTRIES) this.#until.delete(this.#until.keys().next().value!);
  }
}

function lifetime(control: CacheControl | undefined): number {
  return control?.ttl === '1h' ? LONG_LIFETIME_MS : LIFETIME_MS;
}

function beginningsOf({ model, tools, system, messages }: Prompt, credential: string): Beginning[] {
  const blocks = [
    ...blocksOf(tools),
    ...blocksOf(system),
    ...blocksOf(messages).flatMap(({ role, content }) => [{ role }, ...blocksOf(content)]),
  ];
  const hash = createHash('sha256').update(JSON.stringify([credential, model]));
  const lengths: number[] = [];
  const digests = blocks.map(({ cache_control: _, ...block }: Block) => {
    const text = JSON.stringify(block);
    lengths.push((lengths.at(-1) ?? 0) + text.length);
    return hash.update(text).copy().digest('hex');
  });
  const whole = lengths.at(-1) ?? 1;
  return blocks.map(({ cache_control: control }: Block, i) => {
    return { digest: digests[i]!, share: lengths[i]! / whole, control: control ?? undefined };
  });
}

function blocksOf(content: unknown): Block[] {
  if (typeof content === 'string') return [{ text: content }];
  const list: unknown[] = Array.isArray(content) ? content : [];
  return list.filter((each): each is Block => typeof each === 'object' && each !== null);
}

const USAGE = /"usage":\{"input_tokens":(\d+)/;

/**
 * Adds the usage of the cache to the answer to a request for a message. `req` must not have been read yet: this listens
 * while aimock, which has no cache, reads it.
 */
export function reportCache(
  cache: PromptCache,
  credential: string,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const chunks: Buffer[] = [];
  const onListener = (event: string | symbol): void => {
    if (event !== 'data') return;
    req.off('newListener', onListener);
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
  };
  req.on('newListener', onListener);
  let told = false;
  const withCache = (chunk: unknown): unknown => {
    if (told || typeof chunk !== 'string' || !USAGE.test(chunk)) return chunk;
    told = true;
    const shares = cache.use(JSON.parse(Buffer.concat(chunks).toString()) as Prompt, credential);
    return shares ? chunk.replace(USAGE, (_, tokens) => usage(Number(tokens), shares)) : chunk;
  };
  const write = res.write.bind(res) as (...all: unknown[]) => boolean;
  const end = res.end.bind(res) as (...all: unknown[]) => ServerResponse;
  res.write = (chunk: unknown, ...rest: unknown[]) => write(withCache(chunk), ...rest);
  res.end = (chunk?: unknown, ...rest: unknown[]) => end(withCache(chunk), ...rest);
}

/** Usage as in the Messages API. The figures add up to all input tokens. */
function usage(tokens: number, { read, written }: CachedShares): string {
  const cacheRead = Math.round(tokens * read);
  const cacheWritten = Math.round(tokens * (read + written)) - cacheRead;
  const input = tokens - cacheRead - cacheWritten;
  return (
    `"usage":{"input_tokens":${input},"cache_creation_input_tokens":${cacheWritten},` +
    `"cache_read_input_tokens":${cacheRead}`
  );
}
