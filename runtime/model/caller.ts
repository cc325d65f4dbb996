import type { ActualCost, Cost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import type { CallKind } from '../guard/models.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { FailureClass, Outcome } from '../resilience/outcome.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import { AttemptWatch } from './attempt/attemptWatch.ts';
import type { AttemptTimeouts } from './attempt/attemptWatch.ts';
import { throughGates } from './gateWait.ts';
import { MODELS_MS, PASS_THROUGH_MS, passThroughTimeouts } from './passThrough.ts';
import type { TokenEstimator } from './attempt/estimate.ts';
import { forward } from './attempt/forward.ts';
import { providerLimits } from './attempt/retryAfter.ts';
import { Cut } from '../errors/fault.ts';
import type { Member, Pool } from './pool/pool.ts';
import type { ModelAnswer, ModelRequest } from './request.ts';
import { NextAttempt } from './nextAttempt.ts';
import type { Retry } from './nextAttempt.ts';
import { Route, callKind } from './pool/route.ts';
import type { Fallback, Granted, RoutedRequest } from './pool/route.ts';
import type { RawHeaders } from './transport/headers.ts';
import type { RetryBudgets } from './retryBudgets.ts';
import type { Upstream } from './transport/upstream.ts';
import { UsageMeter } from './attempt/usage.ts';
import type { Usage } from './attempt/usage.ts';

/** An attempt at a model, for metrics. Times are in seconds. */
export interface ModelCall {
  model: string;
  /** The endpoint. */
  dependency: string;
  outcome: Outcome;
  /** Class of the failure, or none. */
  errorType: string;
  duration: number;
  /** From the call to the first bytes of the answer's body; absent when none came. */
  firstChunk?: number | undefined;
  usage: Usage;
  /** Of the input: what was written to the provider's cache. */
  cacheWriteTokens: number | undefined;
}

export interface ModelCallerDeps {
  pool: Pool;
  clock: Clock;
  upstream: Pick<Upstream, 'send'>;
  estimator: TokenEstimator;
  retryBudgets: RetryBudgets;
  /** From 0 up to but not 1. */
  random: () => number;
  onAttempt(call: ModelCall): void;
  onRetry(retry: Retry, request: ModelRequest): void;
  /** A call goes to another endpoint than the one that is to be preferred. */
  onFallback: (fallback: Fallback, request: RoutedRequest) => void;
  /** A request of a session was made, at the endpoint that its cache was expected at or at another one. */
  onSession: (atItsEndpoint: boolean) => void;
}

/** What an attempt has to do with the rest of its request. */
interface AttemptContext {
  /** Dependencies at which an attempt of the request has failed. */
  failed: Set<string>;
  /** Decides what follows the attempt, once its gate is shut. */
  decide: (result: AttemptResult) => void;
  /** How many other endpoints the request could still move to. */
  others: () => number;
  onUsage: (charge: ActualCost) => void;
}

/**
 * Calls the model and owns all retries: each attempt takes permits of its own at the endpoint that it
 * goes to and votes once there, and none is made where a circuit or a gate has shut meanwhile.
 */
export class ModelCaller {
  readonly #deps: ModelCallerDeps;
  readonly #date = (): Date => this.#deps.clock.date();

  constructor(deps: ModelCallerDeps) {
    this.#deps = deps;
  }

  /** Never rejects but for a programming error. `onUsage` is told what each attempt took. */
  async call(request: ModelRequest, onUsage: (charge: ActualCost) => void): Promise<ModelAnswer> {
    const { pool, retryBudgets, clock } = this.#deps;
    const route = new Route(this.#deps, request);
    const asked = route.first();
    // Promises only where there is something to wait for: this is the way of every request.
    let first = asked instanceof Promise ? await asked : asked;
    if (request.ownTurn === true) first = await throughGates(first, { request, route, clock });
    const isSpent = (dependency: string): boolean =>
      retryBudgets.of(dependency).isSpent(clock.now());
    if (first.kind === 'Refused') return { ...first, budgetSpent: isSpent(first.dependency) };
    if (first.kind !== 'Granted') return first;
    const next = new NextAttempt(this.#deps, request, route);
    let granted: Granted | undefined = first;
    let answer: ModelAnswer;
    const failed = new Set<string>();
    do {
      const { member } = granted;
      const { dependency } = member;
      next.begin(member);
      const decide = (result: AttemptResult): void => {
        pool.record(member, result.outcome);
        next.decide(result, member);
      };
      const result: AttemptResult = await this.#attempt(request, granted, {
        failed,
        decide,
        others: () => next.othersLeft(member),
        onUsage,
      });
      answer = { kind: 'Answered', result, dependency };
      if (result.fault !== undefined) answer.budgetSpent = isSpent(dependency);
      const went: Granted | Cut | undefined = await next.go(result, member);
      if (went instanceof Cut) return { ...answer, result: { ...result, fault: went.why } };
      granted = went;
    } while (granted);
    route.end();
    return answer;
  }

  async #attempt(
    request: ModelRequest,
    { member, permit }: Granted,
    { failed, decide, others, onUsage }: AttemptContext,
  ): Promise<AttemptResult> {
    const { clock, upstream } = this.#deps;
    const attempt = this.#prepare(request, { member, permit }, others);
    const began = clock.now();
    const trace = request.chat?.attempt(member);
    let firstChunk: number | undefined;
    let result: AttemptResult | undefined;
    let charge: ActualCost | undefined;
    let sent = false;
    try {
      result = await forward(upstream, {
        // One by one: spread, they would cost as much as the guard does.
        method: request.method,
        path: request.path,
        expected: request.expected,
        headers: request.headers,
        body: request.body,
        maxTokens: request.maxTokens,
        stream: request.stream,
        sink: request.sink,
        signal: attempt.signal,
        watch: attempt.watch,
        meter: attempt.meter,
        endpoint: member.endpoint,
        key: member.key,
        ownHeaders: member.headers,
        context: trace?.context,
        baggage: request.content.telemetry.baggage === 'Forward',
        date: this.#date,
        onSent: () => (sent = true),
        onHeaders: (headers) => this.#learnLimits({ member, permit }, callKind(request), headers),
        onFirstChunk: () => (firstChunk ??= (clock.now() - began) / 1000),
        onFirstToken: () => permit.firstToken(),
      });
      const { refusal } = result;
      if (refusal) result.shutMs = permit.shutGate(refusal.gate, refusal.retryAfterMs);
      decide(result);
      const left = result.fault === 'ClientGone' && sent && isTaken(result);
      charge = left ? chargeOfLeft(permit.asked?.cost, attempt.meter) : chargeOf(result);
    } finally {
      attempt.close();
      permit.settle(voteOf(result?.outcome, member.dependency, failed, request.client), charge);
    }
    trace?.end(result, () => attempt.meter.facts(), firstChunk);
    onUsage(charge);
    const { cacheWriteTokens } = attempt.meter;
    this.#learn(request, member, result, { began, firstChunk, cacheWriteTokens });
    return result;
  }

  /** What belongs to one attempt: its signal, its watch and its meter. */
  #prepare(
    request: ModelRequest,
    { member: { endpoint }, permit }: Pick<Granted, 'member' | 'permit'>,
    others: () => number,
  ): {
    signal: AbortSignal;
    watch: AttemptWatch;
    meter: UsageMeter;
    close(): void;
  } {
    const { clock, estimator } = this.#deps;
    const { content, endpoints, deadlineAt, signal, sink, stream, expected, chat } = request;
    const own = new AbortController();
    const onCut = (): void => own.abort(signal.reason);
    signal.addEventListener('abort', onCut, { once: true });
    if (signal.aborted) onCut();
    const watch = new AttemptWatch({
      clock,
      timeouts: expected === 'Json' ? jsonTimeouts(request) : content.timeouts,
      deadline: deadlineAt,
      stream,
      endpoints: endpoints.length,
      others,
      blocked: () => sink.blocked,
      cut: (why) => own.abort(new Cut(why)),
      onEvent: () => permit.flows(),
    });
    const close = (): void => {
      watch.close();
      signal.removeEventListener('abort', onCut);
    };
    const ratio = estimator.ratio(endpoint.model ?? request.model);
    return { signal: own.signal, watch, meter: new UsageMeter(ratio, chat?.content), close };
  }

  /** A client's own credential has limits of its own. */
  #learnLimits(
    { member, permit }: Pick<Granted, 'member' | 'permit'>,
    kind: CallKind,
    headers: RawHeaders,
  ): void {
    const { handle, credential } = member;
    if (!credential.mounted) return;
    const stated = providerLimits(headers, this.#date);
    handle.learn(stated, credential.hash, kind, permit.grantedAt);
  }

  #learn(
    { model: named, size, expected }: ModelRequest,
    { endpoint, dependency }: Member,
    { outcome, usage }: AttemptResult,
    { began, ...seen }: { began: number } & Pick<ModelCall, 'firstChunk' | 'cacheWriteTokens'>,
  ): void {
    // What lists models or counts tokens is no call of a model.
    if (expected !== 'Message') return;
    const model = endpoint.model ?? named;
    this.#deps.estimator.learn(model, size, usage);
    this.#deps.onAttempt({
      model,
      dependency,
      outcome,
      errorType: outcome.vote === 'failure' ? outcome.class : '',
      duration: (this.#deps.clock.now() - began) / 1000,
      usage,
      ...seen,
    });
  }
}

/** The bounds on an attempt that counts tokens or, by GET, lists models. */
function jsonTimeouts({ content, method }: ModelRequest): AttemptTimeouts {
  return passThroughTimeouts(content.timeouts, method === 'GET' ? MODELS_MS : PASS_THROUGH_MS);
}

/** The vote of an attempt. Several failures of one request count as one in a row of failures. */
function voteOf(
  outcome: Outcome = IGNORED,
  dependency: string,
  failed: Set<string>,
  client = '',
): Outcome {
  if (outcome.vote === 'ignored' && outcome.abandoned) {
    const { silent } = outcome.abandoned;
    return { ...outcome, abandoned: { silent, client, repeated: failed.has(dependency) } };
  }
  if (outcome.vote !== 'failure') return outcome;
  if (failed.has(dependency)) return { ...outcome, repeated: true };
  failed.add(dependency);
  return outcome;
}

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

/** A client that leaves pays for the input that it reserved, and cannot pay less than was reported. */
function chargeOfLeft({ inputTokens }: Cost = NO_COST, meter: UsageMeter): ActualCost {
  const seen = meter.atLeast();
  return { ...seen, inputTokens: Math.max(inputTokens, seen.inputTokens) };
}

const NO_COST: Cost = { inputTokens: 0, outputTokens: 0 };

/** Whether the endpoint may be at work for it: it has answered with no error. */
function isTaken({ status = 200 }: AttemptResult): boolean {
  return status < 300;
}

const UNTAKEN_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);
/** Also in a stream that began with nothing else. */
const UNTAKEN_CLASSES: ReadonlySet<FailureClass> = new Set([
  'Connection',
  'Overloaded',
  'RateLimited',
]);

/** Whether the endpoint did no work for it. */
function isUntaken({ status = 0, fault, outcome }: AttemptResult): boolean {
  if (fault === 'UpstreamUnreachable' || fault === 'Unsendable') return true;
  if (outcome.vote === 'failure' && UNTAKEN_CLASSES.has(outcome.class)) return true;
  return status >= 500 || UNTAKEN_STATUSES.has(status);
}
