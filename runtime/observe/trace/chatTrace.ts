import type { Rejection } from '../../errors/rejection.ts';
import type { Protocol, RequestMembers } from '../../protocols/protocol.ts';
import type { AnswerFacts } from '../../protocols/usage.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import { ATTRIBUTES, EVENTS, PROVIDERS, SPANS } from './names.ts';
import { inputContent, outputContent } from './content.ts';
import { rejectionAttributes } from './rejectionAttributes.ts';
import type { Attributes, RemoteContext, Span } from '../../../tracing/span.ts';

/** A request to the model. */
export interface Chat {
  protocol: Protocol;
  model: string;
  stream: boolean;
  maxTokens?: number | undefined;
  /** Body from the client. */
  body: Buffer;
  /** Where its members are; absent for a body that is no message. */
  members?: RequestMembers | undefined;
}

/** Facts about the model's part of a request. */
export interface Seen {
  attempts: number;
  /** Endpoint of the last answer. */
  endpoint?: string;
  /** From the start of the request to the first byte of an answer. */
  firstChunkMs?: number;
  /** Includes input from the provider's cache. */
  inputTokens?: number;
  outputTokens?: number;
  /** Headers of the last answer. */
  headers?: readonly string[] | undefined;
}

/** Target of an attempt. */
export interface Place {
  dependency: string;
  endpoint: { baseURL: string; provider: string };
}

export interface AttemptEnd {
  outcome: Outcome;
  status?: number;
  fault?: string | undefined;
  refusal?: { gate: string } | undefined;
  /** Headers of the endpoint's answer. */
  headers?: readonly string[] | undefined;
  usage: { inputTokens?: number; cacheReadTokens?: number; outputTokens?: number };
}

/** How a call of the model ended: with an answer, or without an endpoint that takes it. */
export type ChatEnd =
  | { kind: 'Answered'; result: AttemptEnd }
  | { kind: 'Refused'; rejection: Rejection }
  | { kind: 'NoEndpoint' };

export interface ChatTraceDeps {
  parent: Span;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  seen: Seen;
  /** When the request began. */
  began: number;
  conversation: string | undefined;
  /** Whether spans contain prompts and answers. */
  content: boolean;
  /** Whether to write lines at debug. */
  debugs: boolean;
  line: (level: 'debug' | 'info' | 'warn', fields: object, message: string) => void;
}

/** Traces one call of the model: all its attempts, and the waits between them. */
export class ChatTrace {
  readonly span: Span;
  readonly deps: ChatTraceDeps;
  readonly #chat: Chat;
  #attempts = 0;

  constructor(chat: Chat, deps: ChatTraceDeps) {
    this.#chat = chat;
    this.deps = deps;
    const { parent, conversation } = deps;
    this.span = parent.recording
      ? parent.start(SPANS.chat(chat.model), 'Client', {
          [ATTRIBUTES.operation]: 'chat',
          [ATTRIBUTES.requestModel]: chat.model,
          [ATTRIBUTES.requestStream]: chat.stream,
          [ATTRIBUTES.requestMaxTokens]: chat.maxTokens,
          [ATTRIBUTES.conversation]: conversation,
        })
      : parent;
    if (this.content && chat.members)
      this.span.set(inputContent(chat.protocol, chat.body, chat.members));
  }

  /** Whether to keep the answer's content. */
  get content(): boolean {
    return this.deps.content && this.span.recording;
  }

  get protocol(): Protocol {
    return this.#chat.protocol;
  }

  /** `model`: as the endpoint is asked for it. */
  attempt(place: Place, model: string): AttemptTrace {
    this.#attempts += 1;
    this.deps.seen.attempts += 1;
    return new AttemptTrace(place, this.#attempts, model, this);
  }

  /** Notes a retry at the same endpoint. */
  retry(reason: string, waitMs: number): void {
    const wait = Math.round(waitMs);
    this.deps.line('info', { reason, waitMs: wait }, 'Attempt was retried');
    if (!this.span.recording) return;
    this.span.event(EVENTS.retry, { [ATTRIBUTES.reason]: reason, [ATTRIBUTES.waitMs]: wait });
  }

  /** Notes a move to an endpoint other than the preferred one. */
  moved({ from, to, reason }: { from: string; to: string; reason: string }): void {
    this.deps.line('info', { from, to, reason }, 'Request moved to another endpoint');
    if (!this.span.recording) return;
    this.span.event(EVENTS.fallback, {
      [ATTRIBUTES.from]: from,
      [ATTRIBUTES.to]: to,
      [ATTRIBUTES.reason]: reason,
    });
  }

  /** Measures a wait of the call at a dependency. */
  async waits<T>(dependency: string, admitted: Promise<T>): Promise<T> {
    const began = this.deps.now();
    const admission = await admitted;
    this.span.event(EVENTS.waited, {
      [ATTRIBUTES.target]: dependency,
      [ATTRIBUTES.waitMs]: Math.round(this.deps.now() - began),
    });
    return admission;
  }

  cache(tier: string, result: string): void {
    if (this.deps.debugs) this.deps.line('debug', { tier, result }, 'Cache was asked');
    if (!this.span.recording) return;
    this.span.event(EVENTS.cache, {
      [ATTRIBUTES.cacheTier]: tier,
      [ATTRIBUTES.cacheResult]: result,
    });
  }

  end(answer: ChatEnd): void {
    if (this.deps.debugs && answer.kind === 'Refused')
      this.deps.line('debug', { ...answer.rejection }, 'Call was refused');
    if (!this.span.recording) return;
    if (answer.kind === 'Refused') {
      this.span.event(EVENTS.rejected, rejectionAttributes(answer.rejection));
      this.span.end(answer.rejection.reason);
    } else if (answer.kind === 'NoEndpoint') {
      this.span.end('NotConfigured');
    } else {
      this.span.end(errorOf(answer.result));
    }
  }
}

/** Traces one attempt at an endpoint. */
export class AttemptTrace {
  readonly #place: Place;
  readonly #attempt: number;
  readonly #model: string;
  readonly #chat: ChatTrace;
  readonly #span: Span;
  readonly #began: number;

  constructor(place: Place, attempt: number, model: string, chat: ChatTrace) {
    this.#place = place;
    this.#attempt = attempt;
    this.#model = model;
    this.#chat = chat;
    this.#began = chat.deps.now();
    if (chat.deps.debugs) {
      const fields = { dependency: place.dependency, model: this.#model, attempt };
      chat.deps.line('debug', fields, 'Endpoint was chosen');
    }
    this.#span = chat.span.recording
      ? chat.span.start(SPANS.attempt, 'Client', this.#attributes())
      : chat.span;
  }

  /** Trace context for the request. */
  get context(): RemoteContext | undefined {
    return this.#span.context;
  }

  /** `firstChunk`: from the attempt's start to the first bytes of its answer, in seconds. */
  end(result: AttemptEnd, facts: () => AnswerFacts, firstChunk: number | undefined): void {
    const { seen, began } = this.#chat.deps;
    const { inputTokens, cacheReadTokens = 0, outputTokens } = result.usage;
    seen.endpoint = this.#place.dependency;
    seen.headers = result.headers;
    if (firstChunk !== undefined)
      seen.firstChunkMs = Math.round(this.#began - began + firstChunk * 1000);
    if (inputTokens !== undefined)
      seen.inputTokens = (seen.inputTokens ?? 0) + inputTokens + cacheReadTokens;
    if (outputTokens !== undefined) seen.outputTokens = (seen.outputTokens ?? 0) + outputTokens;
    const error = errorOf(result);
    if (error !== undefined && error !== 'ClientGone') this.#log(result, error);
    if (this.#span.recording) this.#endSpan(result, facts(), { error, firstChunk });
  }

  #log({ status, headers }: AttemptEnd, reason: string): void {
    const { deps } = this.#chat;
    const fields = {
      dependency: this.#place.dependency,
      model: this.#model,
      attempt: this.#attempt,
      status,
      reason,
      durationMs: Math.round(deps.now() - this.#began),
      upstreamRequestId: upstreamRequestId(headers),
    };
    deps.line('warn', fields, 'Attempt failed');
  }

  #endSpan(
    { status, usage, headers }: AttemptEnd,
    facts: AnswerFacts,
    { error, firstChunk }: { error: string | undefined; firstChunk: number | undefined },
  ): void {
    const { inputTokens, cacheReadTokens, outputTokens } = usage;
    const answer = {
      [ATTRIBUTES.responseId]: facts.id,
      [ATTRIBUTES.responseModel]: facts.model,
      [ATTRIBUTES.finishReasons]: facts.stopReason === undefined ? undefined : [facts.stopReason],
      [ATTRIBUTES.timeToFirstChunk]: firstChunk,
      [ATTRIBUTES.inputTokens]:
        inputTokens === undefined ? undefined : inputTokens + (cacheReadTokens ?? 0),
      [ATTRIBUTES.outputTokens]: outputTokens,
      [ATTRIBUTES.cacheReadTokens]: cacheReadTokens,
      [ATTRIBUTES.cacheWriteTokens]: facts.cacheWriteTokens,
    };
    this.#span.set({
      ...answer,
      [ATTRIBUTES.status]: status,
      [ATTRIBUTES.upstreamRequestId]: upstreamRequestId(headers),
    });
    if (this.#chat.content && facts.content !== undefined)
      this.#chat.span.set(outputContent(this.#chat.protocol, facts));
    // The last attempt decides the attributes of the call.
    const provider = PROVIDERS[this.#place.endpoint.provider] ?? this.#place.endpoint.provider;
    this.#chat.span.set({ ...answer, [ATTRIBUTES.provider]: provider, ...this.#address() });
    this.#span.end(error);
  }

  #attributes(): Attributes {
    const { dependency, endpoint } = this.#place;
    return {
      [ATTRIBUTES.operation]: 'chat',
      [ATTRIBUTES.provider]: PROVIDERS[endpoint.provider] ?? endpoint.provider,
      [ATTRIBUTES.requestModel]: this.#model,
      [ATTRIBUTES.dependency]: dependency,
      ...(this.#attempt > 1 && { [ATTRIBUTES.resend]: this.#attempt - 1 }),
      ...this.#address(),
    };
  }

  #address(): Attributes {
    return addressOf(this.#place.endpoint);
  }
}

/** Addresses of endpoints: parsing a URL costs as much as the rest of a span. */
const addresses = new WeakMap<Place['endpoint'], Attributes>();

function addressOf(endpoint: Place['endpoint']): Attributes {
  let address = addresses.get(endpoint);
  if (address === undefined) addresses.set(endpoint, (address = parsedAddress(endpoint.baseURL)));
  return address;
}

function parsedAddress(baseURL: string): Attributes {
  const url = URL.parse(baseURL);
  if (!url) return {};
  const { hostname, port, protocol } = url;
  const known = protocol === 'https:' ? 443 : 80;
  return {
    [ATTRIBUTES.serverAddress]: hostname,
    [ATTRIBUTES.serverPort]: port === '' ? known : Number(port),
  };
}

/** Error of an attempt; undefined on success. */
function errorOf({ outcome, refusal, fault, status = 0 }: AttemptEnd): string | undefined {
  if (refusal) return refusal.gate;
  if (fault !== undefined) return fault;
  if (outcome.vote === 'failure') return outcome.class;
  return status >= 400 ? String(status) : undefined;
}

/** Headers with the provider's id of a request: of Anthropic, OpenAI, AWS and Azure. */
const REQUEST_IDS: ReadonlySet<string> = new Set([
  'request-id',
  'x-request-id',
  'x-amzn-requestid',
  'apim-request-id',
]);

/** Longest id of an endpoint, in characters. */
const MAX_ID = 128;

/** The endpoint's own id of a request, which its client gets with the answer. */
export function upstreamRequestId(headers: readonly string[] = []): string | undefined {
  const at = headers.findIndex((name, i) => i % 2 === 0 && REQUEST_IDS.has(name.toLowerCase()));
  return at < 0 ? undefined : headers[at + 1]?.slice(0, MAX_ID);
}
