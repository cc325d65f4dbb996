import { createHash } from 'node:crypto';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { ActualCost, Permit, Rejection } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';
import { decided } from './decided.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { FailureClass } from '../resilience/outcome.ts';
import type { RetryBudget } from '../resilience/retryBudget.ts';
import type { AttemptResult, Sink } from './attempt.ts';
import { AttemptWatch } from './attemptWatch.ts';
import type { RequestSize, TokenEstimator } from './estimate.ts';
import { forward } from './forward.ts';
import { headerValue } from './headers.ts';
import type { RawHeaders } from './headers.ts';
import { Cut } from './outcome.ts';
import { Retries, retryReason } from './retry.ts';
import type { TimerWheel } from './timerWheel.ts';
import type { Upstream } from './upstream.ts';
import { UsageMeter } from './usage.ts';
import type { Usage } from './usage.ts';

/** An attempt at a model, for metrics. Times are in seconds. */
export interface ModelCall {
  model: string;
  /** Class of the failure, or none. */
  errorType: string;
  duration: number;
  /** From the call to the first bytes of the answer's body; absent when none came. */
  firstChunk?: number;
  usage: Usage;
}

/** A request to be made to an endpoint, in as many attempts as it takes. */
export interface ModelRequest {
  content: Content;
  endpoint: Endpoint;
  /** The endpoint's own credential; absent: the caller's is passed on. */
  credential?: string;
  query: string;
  headers: RawHeaders;
  body: Buffer;
  stream: boolean;
  /** As the caller named it. */
  model: string;
  size: RequestSize;
  /** End of the whole request, on the monotonic clock. */
  deadlineAt: number;
  /** Aborted with a Cut when the caller leaves or the process does. */
  signal: AbortSignal;
  sink: Sink;
}

/** How a request ended: not let through, or with the last of its attempts. */
export type ModelAnswer = { rejection: Rejection } | { result: AttemptResult };

export interface ModelCallerDeps {
  guard: Pick<Guard, 'acquire' | 'learn'>;
  clock: Clock;
  upstream: Pick<Upstream, 'send'>;
  wheel: TimerWheel;
  estimator: TokenEstimator;
  retryBudget: RetryBudget;
  /** Whether the configuration in force has the dependency. */
  known(dependency: string): boolean;
  /** From 0 up to but not 1. */
  random: () => number;
  onAttempt(call: ModelCall): void;
  onRetry(reason: string): void;
}

/**
 * Calls an endpoint and owns all retries: each attempt takes permits of its own and votes once,
 * and none is made to an endpoint whose circuit or gate has shut meanwhile.
 */
export class ModelCaller {
  readonly #deps: ModelCallerDeps;

  constructor(deps: ModelCallerDeps) {
    this.#deps = deps;
  }

  /** Never rejects but for a programming error. `onUsage` is told what each attempt took. */
  async call(request: ModelRequest, onUsage: (charge: ActualCost) => void): Promise<ModelAnswer> {
    const { retryBudget, random, clock } = this.#deps;
    retryBudget.request(clock.now());
    const withdraw = (): boolean => retryBudget.withdraw(clock.now());
    const retries = new Retries(request.content.retry, withdraw, random);
    let last: AttemptResult | undefined;
    for (;;) {
      // A reload may have taken the endpoint away while this one waited to try again.
      if (last && !this.#deps.known(dependencyOf(request.endpoint))) return { result: last };
      const admission = await this.#admit(request);
      if (admission.kind === 'Rejection') return last ? { result: last } : admission;
      let wait: number | undefined;
      const decide = (result: AttemptResult): number | undefined => {
        wait = retries.next(result, request.deadlineAt - clock.now());
        return wait;
      };
      last = await this.#attempt(request, admission.permit, decide, onUsage);
      if (wait === undefined) return { result: last };
      this.#deps.onRetry(retryReason(last));
      await this.#pause(wait, request.signal);
      const cut: unknown = request.signal.reason;
      if (cut instanceof Cut) return { result: { ...last, fault: cut.why } };
    }
  }

  async #admit(
    request: ModelRequest,
  ): Promise<Permit | { kind: 'Rejection'; rejection: Rejection }> {
    const { endpoint, deadlineAt, headers, signal } = request;
    const model = endpoint.model ?? request.model;
    const answer = this.#deps.guard.acquire(dependencyOf(endpoint), {
      deadlineAt,
      header: (name) => headerValue(headers, name),
      cost: this.#deps.estimator.estimate(model, request.size),
      credential: credentialOf(request),
    });
    const admission = await decided(answer, signal);
    if (admission.kind === 'Permit' && signal.aborted) {
      admission.permit.settle(IGNORED, REFUND);
      return { kind: 'Rejection', rejection: LEFT };
    }
    return admission;
  }

  async #attempt(
    request: ModelRequest,
    permit: Permit,
    decide: (result: AttemptResult) => number | undefined,
    onUsage: (charge: ActualCost) => void,
  ): Promise<AttemptResult> {
    const { clock, upstream } = this.#deps;
    const attempt = this.#prepare(request);
    const began = clock.now();
    let firstChunk: number | undefined;
    let result: AttemptResult | undefined;
    let charge: ActualCost | undefined;
    try {
      result = await forward(upstream, {
        ...request,
        ...attempt,
        date: () => clock.date(),
        onFirstChunk: () => (firstChunk ??= (clock.now() - began) / 1000),
        onFirstToken: () => permit.firstToken(),
      });
      const wait = decide(result);
      charge = chargeOf(result);
      if (result.refusal) {
        permit.shutGate(result.refusal.gate, result.refusal.retryAfterMs ?? wait);
      }
    } finally {
      attempt.close();
      permit.settle(result?.outcome ?? IGNORED, charge);
    }
    onUsage(charge);
    // A caller's own credential has limits of its own.
    const credential = credentialOf(request);
    if (credential.mounted) {
      this.#deps.guard.learn(dependencyOf(request.endpoint), result.limits, credential.hash);
    }
    this.#learn(request, result, { began, firstChunk });
    return result;
  }

  /** What belongs to one attempt: its signal, its watch and its meter. */
  #prepare(request: ModelRequest): {
    signal: AbortSignal;
    watch: AttemptWatch;
    meter: UsageMeter;
    close(): void;
  } {
    const { clock, wheel, estimator } = this.#deps;
    const { content, deadlineAt, signal, sink, stream } = request;
    const own = new AbortController();
    const onCut = (): void => own.abort(signal.reason);
    signal.addEventListener('abort', onCut, { once: true });
    if (signal.aborted) onCut();
    const watch = new AttemptWatch({
      clock,
      wheel,
      timeouts: content.timeouts,
      deadline: deadlineAt,
      stream,
      blocked: () => sink.blocked,
      cut: (why) => own.abort(new Cut(why)),
    });
    const close = (): void => {
      watch.close();
      signal.removeEventListener('abort', onCut);
    };
    const ratio = estimator.ratio(request.endpoint.model ?? request.model);
    return { signal: own.signal, watch, meter: new UsageMeter(ratio), close };
  }

  #learn(
    { endpoint, model: named, size }: ModelRequest,
    { outcome, usage }: AttemptResult,
    { began, firstChunk }: { began: number; firstChunk: number | undefined },
  ): void {
    const model = endpoint.model ?? named;
    this.#deps.estimator.learn(model, size, usage);
    this.#deps.onAttempt({
      model,
      errorType: outcome.vote === 'failure' ? outcome.class : '',
      duration: (this.#deps.clock.now() - began) / 1000,
      ...(firstChunk !== undefined && { firstChunk }),
      usage,
    });
  }

  /** Waits, or shorter if the request is cut. */
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      // One more, because timers drop the fraction of a millisecond.
      const cancel = this.#deps.clock.setTimer(Math.ceil(ms) + 1, done);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    });
  }
}

/** Nobody reads this: the caller is gone, or the process leaves. */
const LEFT: Rejection = { reason: 'Timeout', target: '', retryAfterMs: 0 };

/**
 * What an attempt is charged: what was seen, and for a whole answer without figures what was
 * reserved; nothing at all when the endpoint did not take it on.
 */
export function chargeOf(result: AttemptResult): ActualCost {
  const { inputTokens, outputTokens } = result.usage;
  const seen = inputTokens !== undefined || outputTokens !== undefined;
  if (!seen && isUntaken(result)) return REFUND;
  const { cacheReadTokens: _, ...figures } = result.usage;
  return result.whole ? figures : { inputTokens: 0, outputTokens: 0, ...figures };
}

const UNTAKEN_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);
/** Also in a stream that began with nothing else. */
const UNTAKEN_CLASSES: ReadonlySet<FailureClass> = new Set(['Overloaded', 'RateLimited']);

/** Whether the endpoint did no work for it. */
function isUntaken({ status = 0, fault, outcome }: AttemptResult): boolean {
  if (fault === 'UpstreamUnreachable' || fault === 'Unsendable') return true;
  if (outcome.vote === 'failure' && UNTAKEN_CLASSES.has(outcome.class)) return true;
  return status >= 500 || UNTAKEN_STATUSES.has(status);
}

/** Names a credential without showing it. */
export function credentialHash(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Whose gates apply: the mounted credential's, or those of the one that the caller sent. */
function credentialOf({ credential, headers }: ModelRequest): { hash: string; mounted: boolean } {
  const secret =
    credential ?? headerValue(headers, 'x-api-key') ?? headerValue(headers, 'authorization') ?? '';
  return { hash: credentialHash(secret), mounted: credential !== undefined };
}
