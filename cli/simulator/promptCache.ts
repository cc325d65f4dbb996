import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** After the last use, in milliseconds; the second where cache_control asks for `ttl: "1h"`. */
const LIFETIME_MS = 300_000;
const LONG_LIFETIME_MS = 3_600_000;
/** Beginnings of prompts that are kept; the one that was used longest ago gives way. */
const MAX_ENTRIES = 10_000;

/** Parts of a prompt, of 1 together. */
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

/** The body of a request, of which nothing is certain. */
interface Prompt {
  model?: unknown;
  tools?: unknown;
  system?: unknown;
  messages?: unknown;
}

/** A beginning of a prompt. */
interface Beginning {
  digest: string;
  /** Share of the prompt that it is. */
  share: number;
  control: CacheControl | undefined;
}

/**
 * The prompt cache of one provider. A request has it keep the prompt up to each block with cache_control, in the order
 * tools, system, messages; a later one with the same credential, model and beginning reads it. It has no least length,
 * so that tests may be brief.
 */
export class PromptCache {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  /** `now` is a clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** What is read and written for a prompt; undefined where that asks for no cache. */
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
    // What is read is kept for as long again as what follows it.
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
 * Has the answer to a request for a message report what the cache did. `req` must not have been read yet: whoever reads
 * it next is listened to, because aimock itself does so and knows no cache.
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

/** The figures of the Messages API, which add up to all input tokens. */
function usage(tokens: number, { read, written }: CachedShares): string {
  const cacheRead = Math.round(tokens * read);
  const cacheWritten = Math.round(tokens * (read + written)) - cacheRead;
  const input = tokens - cacheRead - cacheWritten;
  return (
    `"usage":{"input_tokens":${input},"cache_creation_input_tokens":${cacheWritten},` +
    `"cache_read_input_tokens":${cacheRead}`
  );
}
