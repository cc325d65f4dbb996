import { Cut } from '../errors/fault.ts';
import type { ModelAnswer, ModelRequest } from '../model/request.ts';
import { NO_USAGE } from '../protocols/usage.ts';
import { LIMIT_HEADER } from '../model/provider/retryAfter.ts';
import { OK } from '../resilience/outcome.ts';
import { CACHE, PendingCall } from './pendingCall.ts';
import type { MakeCall, Subscriber } from './pendingCall.ts';
import { answeringModel, cacheKey, preferredModels, wantsFresh } from './key.ts';
import { without } from './listener.ts';
import type { Head } from './recording.ts';
import type { CacheSpec, CacheStats, Hit, TierName } from './tieredCache.ts';
import { TieredCache } from './tieredCache.ts';

/** How a look-up ended. `collapsed`: joined a call under way. `bypass`: the client wants a fresh answer. */
export type LookupResult = 'hit' | 'miss' | 'collapsed' | 'bypass';

export interface CachingCallerDeps {
  call: MakeCall;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** Largest size of all cached answers, in bytes. */
  maxBytes: number;
  onLookup: (tier: TierName | 'none', result: LookupResult, request: ModelRequest) => void;
}

interface KeptAnswer {
  head: Head;
  body: Buffer;
}

/** Headers that belong to one client's request, or to its time. */
const PERSONAL: ReadonlySet<string> = new Set([
  'age',
  'cache-status',
  'date',
  'retry-after',
  'set-cookie',
]);

/** Each tier gets an equal share of the bytes. One answer takes at most this part of a tier. */
const TIER_COUNT = 3;
const ENTRY_SHARE = 16;

const NOTHING: ReadonlySet<string> = new Set();

/**
 * Answers identical requests from memory, and concurrent ones by one call. Caches only whole answers without an error,
 * and none of an endpoint that stood in for a better one.
 */
export class CachingCaller {
  readonly #deps: CachingCallerDeps;
  readonly #cache: TieredCache<KeptAnswer>;
  readonly #pending = new Map<string, PendingCall>();
  readonly #maxEntryBytes: number;
  #collapsed = 0;

  constructor(deps: CachingCallerDeps) {
    this.#deps = deps;
    const maxTierBytes = Math.ceil(deps.maxBytes / TIER_COUNT);
    this.#maxEntryBytes = Math.floor(maxTierBytes / ENTRY_SHARE);
    this.#cache = new TieredCache({ now: deps.now, maxTierBytes });
  }

  /** Applies a configuration. A changed or removed resetToken empties the cache. */
  apply(spec: CacheSpec | undefined): void {
    const { epoch } = this.#cache;
    this.#cache.apply(spec);
    if (this.#cache.epoch !== epoch) this.#pending.clear();
  }

  /** Rejects only on a programming error. */
  call(request: ModelRequest): Promise<ModelAnswer> {
    const { principal, content, expected } = request;
    const { call, onLookup } = this.#deps;
    if (!content.cache || principal === undefined || expected !== 'Message') {
      return call(request);
    }
    if (wantsFresh(request)) {
      onLookup('none', 'bypass', request);
      return call(request);
    }
    const key = cacheKey(request, principal);
    const hit = this.#cache.get(...preferredModels(request).map((model) => answerKey(key, model)));
    if (hit) {
      onLookup(hit.tier, 'hit', request);
      return replay(hit, request);
    }
    return this.#share(key, request);
  }

  /** Empties the cache. Calls under way are not cached. */
  clear(): void {
    this.#cache.clear();
    this.#pending.clear();
  }

  stats(): CacheStats & { collapsed: number; inFlight: number; maxEntryBytes: number } {
    return {
      ...this.#cache.stats(),
      collapsed: this.#collapsed,
      inFlight: this.#pending.size,
      maxEntryBytes: this.#maxEntryBytes,
    };
  }

  #share(key: string, request: ModelRequest): Promise<ModelAnswer> {
    const shared = this.#pending.get(key);
    if (shared?.joinable) {
      this.#collapsed += 1;
      this.#deps.onLookup('none', 'collapsed', request);
      const headers = ['cache-status', 'breakwater; fwd=miss; collapsed'];
      return shared.join({ request, headers, hidden: PERSONAL });
    }
    this.#deps.onLookup('none', 'miss', request);
    const headers = ['cache-status', 'breakwater; fwd=miss'];
    const pending = new PendingCall(this.#maxEntryBytes);
    this.#pending.set(key, pending);
    return pending.start(this.#keeping(key, pending), {
      request,
      headers,
      hidden: NOTHING,
    } satisfies Subscriber);
  }

  /** Caches the answer before it reports the end of the call, so that the next request finds it. */
  #keeping(key: string, pending: PendingCall): MakeCall {
    const { epoch } = this.#cache;
    return async (request) => {
      try {
        const answer = await this.#deps.call(request);
        const { head, ended, overflowed } = pending.recording;
        const whole = isGood(answer) && head && ended && !overflowed;
        const model = whole ? answeringModel(request, answer.dependency) : undefined;
        if (whole && model !== undefined && epoch === this.#cache.epoch)
          this.#keep(answerKey(key, model), head, pending.recording.body());
        return answer;
      } finally {
        if (this.#pending.get(key) === pending) this.#pending.delete(key);
      }
    };
  }

  #keep(key: string, head: Head, body: Buffer): void {
    const headers = kept(head.headers);
    const bytes = headers.reduce((sum, each) => sum + each.length, key.length + body.length);
    this.#cache.put(key, { head: { ...head, headers }, body }, bytes);
  }
}

/** Key of a model's answer to a request. */
function answerKey(key: string, model: string): string {
  return `${key} ${model}`;
}

function isGood(answer: ModelAnswer): answer is Extract<ModelAnswer, { kind: 'Answered' }> {
  if (answer.kind !== 'Answered') return false;
  const { outcome, status, fault, held, whole } = answer.result;
  return outcome.vote === 'ok' && status === 200 && whole && !fault && !held;
}

function kept(headers: readonly string[]): string[] {
  const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
  const stated = names.filter((name) => LIMIT_HEADER.test(name));
  return without(headers, new Set([...PERSONAL, ...stated]));
}

/** Sends a cached answer; one that was a stream goes as a stream. */
async function replay(
  { tier, value: { head, body }, ageMs }: Hit<KeptAnswer>,
  { sink, signal }: ModelRequest,
): Promise<ModelAnswer> {
  const seconds = Math.floor(ageMs / 1000);
  const ours = ['cache-status', `breakwater; hit; detail=${tier}`, 'age', String(seconds)];
  sink.head(head.status, head.statusText, [...head.headers, ...ours], false);
  await sink.write(body);
  const why: unknown = signal.reason;
  if (!(why instanceof Cut)) sink.end();
  const fault = why instanceof Cut ? { fault: why.why } : {};
  const { status } = head;
  const result = { outcome: OK, status, committed: true, whole: true, usage: {} };
  return { kind: 'Answered', result: { ...result, ...fault }, dependency: CACHE, usage: NO_USAGE };
}
