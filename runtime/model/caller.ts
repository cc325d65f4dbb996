import type { ActualCost, Cost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import type { CallKind } from '../guard/models.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { FailureClass, Outcome } from '../resilience/outcome.ts';
import type { Attempt, AttemptResult, Refusal } from './attempt/attempt.ts';
import { AnswerTimes } from './attempt/answerTimes.ts';
import type { KindTimes } from './attempt/answerTimes.ts';
import { AttemptWatch } from './attempt/attemptWatch.ts';
import type { AttemptTimeouts } from './attempt/attemptWatch.ts';
import { ClientAnswer } from './attempt/clientAnswer.ts';
import { MODELS_MS, PASS_THROUGH_MS, passThroughTimeouts, unreadTimeouts } from './passThrough.ts';
import type { TokenEstimator } from './attempt/estimate.ts';
import { forward } from './attempt/forward.ts';
import { providerLimits } from './attempt/retryAfter.ts';
import { Cut } from '../errors/fault.ts';
import type { Member, Pool } from './pool/pool.ts';
import { throughGates } from './pause.ts';
import type { ModelAnswer, ModelRequest } from './request.ts';
import { NextAttempt } from './nextAttempt.ts';
import { isRefused } from './retry.ts';
import type { Retry } from './nextAttempt.ts';
import { Route, callKind } from './pool/route.ts';
import type { Fallback, Granted, Refused, RoutedRequest } from './pool/route.ts';
import type { RawHeaders } from './transport/headers.ts';
import type { RetryBudgets } from '../resilience/retryBudget.ts';
import type { Upstream } from './transport/upstream.ts';
import { UsageMeter } from './attempt/usage.ts';
import type { Usage } from './attempt/usage.ts';

/** One attempt, for metrics. Times are in seconds. */
export interface ModelCall {
  model: string;
  dependency: string;
  outcome: Outcome;
  /** Class of the failure; empty on success. */
  errorType: string;
  duration: number;
  /** From the call to the first byte of the answer's body; absent if none came. */
  firstChunk?: number | undefined;
  usage: Usage;
  /** Input tokens that the provider wrote to its cache. */
  cacheWriteTokens: number | undefined;
}

export interface ModelCallerDeps {
  pool: Pool;
  clock: Clock;
  upstream: Pick<Upstream, 'send'>;
  estimator: TokenEstimator;
  retryBudgets: RetryBudgets;
  byteBudget: ByteBudget;
  /** From 0 up to but not 1. */
  random: () => number;
  onAttempt(call: ModelCall): void;
  onRetry(retry: Retry, request: ModelRequest): void;
  /** A call went to an endpoint other than the preferred one. */
  onFallback: (fallback: Fallback, request: RoutedRequest) => void;
  /** A request of a session was sent. `atItsEndpoint`: to the endpoint that holds its cache. */
  onSession: (atItsEndpoint: boolean) => void;
}

type Answered = Extract<ModelAnswer, { kind: 'Answered' }>;

/** What attempts of one request share. */
interface AttemptContext {
  /** Dependencies that have failed an attempt of the request. */
  failed: Set<string>;
  /** Decides what follows the attempt. Call it after the gate of the attempt has shut. */
  decide: (result: AttemptResult) => void;
  /** Number of other endpoints that the request could still move to. */
  others: () => number;
  onUsage: (charge: ActualCost) => void;
  client: ClientAnswer;
  /** What holds the body of the request. */
  holders: { body: Buffer }[];
}

/**
 * Calls the model and owns all retries. Each attempt takes its own permits at its endpoint and votes once there. It
 * makes none where a circuit or a gate has shut meanwhile.
 */
export class ModelCaller {
  readonly #deps: ModelCallerDeps;
  readonly #times = new AnswerTimes();
  readonly #date = (): Date => this.#deps.clock.date();

  constructor(deps: ModelCallerDeps) {
    this.#deps = deps;
  }

  /** Rejects only on a programming error. `onUsage` gets the usage of each attempt. */
  async call(request: ModelRequest, onUsage: (charge: ActualCost) => void): Promise<ModelAnswer> {
    const { clock } = this.#deps;
    const route = new Route(this.#deps, request);
    const asked = route.first();
    // Awaits only if there is something to wait for: every request runs this code.
    let first = asked instanceof Promise ? await asked : asked;
    if (request.ownTurn === true) first = await throughGates(first, { request, route, clock });
    return first.kind === 'Granted' ? this.#attempts(request, route, first, onUsage) : first;
  }

  async #attempts(
    request: ModelRequest,
    route: Route,
    first: Granted,
    onUsage: (charge: ActualCost) => void,
  ): Promise<ModelAnswer> {
    const next = new NextAttempt(this.#deps, request, route);
    const holders: { body: Buffer }[] = [request];
    const client = new ClientAnswer(
      request.sink,
      request.stream && request.ownTurn !== true,
      request.bodyDone && (() => letGo(request, holders)),
    );
    const failed = new Set<string>();
    let granted: Granted | undefined = first;
    let answer: Answered | undefined;
    /** Of the endpoint from which the request has moved. */
    let preferred: Answered | undefined;
    do {
      const { member } = granted;
      const { dependency } = member;
      if (answer && answer.dependency !== dependency) preferred ??= answer;
      next.begin(member);
      const decide = (result: AttemptResult): void => {
        this.#deps.pool.record(member, result.outcome);
        next.decide(result, member);
      };
      const others = (): number => next.othersLeft(member);
      const shared = { failed, decide, others, onUsage, client, holders };
      const result: AttemptResult = await this.#attempt(request, granted, shared);
      answer = { kind: 'Answered', result, dependency };
      const went: Granted | Cut | undefined = await next.go(result, member);
      if (went instanceof Cut) {
        return { ...answer, result: client.ended({ ...result, fault: went.why }) };
      }
      granted = went;
    } while (granted);
    route.end();
    const told = tellable(answer, preferred, client.begun ? undefined : route);
    return told.kind === 'Answered' ? { ...told, result: client.ended(told.result) } : told;
  }

  async #attempt(
    request: ModelRequest,
    { member, permit }: Granted,
    { failed, decide, others, onUsage, client, holders }: AttemptContext,
  ): Promise<AttemptResult> {
    const { clock, upstream } = this.#deps;
    const kind = this.#kindOf(request, member);
    const attempt = this.#prepare(request, { member, permit }, { others, kind, client });
    const began = attempt.watch.startedAt;
    const trace = request.chat?.attempt(member);
    let firstChunk: number | undefined;
    let result: AttemptResult | undefined;
    let charge: ActualCost | undefined;
    let sent = false;
    try {
      const made: Attempt = {
        // Names each field: a spread would cost as much as the guard.
        method: request.method,
        path: request.path,
        expected: request.expected,
        headers: request.headers,
        body: request.body,
        maxTokens: request.maxTokens,
        thinkingTokens: request.size.thinkingTokens,
        members: request.members,
        stream: request.stream,
        answer: client,
        signal: attempt.signal,
        watch: attempt.watch,
        meter: attempt.meter,
        budget: this.#deps.byteBudget,
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
      };
      holders.push(made);
      result = await forward(upstream, made);
      judgeByTime(result, kind, began, clock.now());
      const { refusal } = result;
      if (refusal) this.#refused({ member, permit }, callKind(request), result, refusal);
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

  /** The signal, watch and meter of one attempt. */
  #prepare(
    request: ModelRequest,
    { member: { endpoint }, permit }: Pick<Granted, 'member' | 'permit'>,
    {
      others,
      kind,
      client,
    }: Pick<AttemptContext, 'others' | 'client'> & { kind: KindTimes | undefined },
  ): {
    signal: AbortSignal;
    watch: AttemptWatch;
    meter: UsageMeter;
    close(): void;
  } {
    const { clock, estimator } = this.#deps;
    const { endpoints, deadlineAt, signal, stream, expected, chat } = request;
    const own = new AbortController();
    const onCut = (): void => own.abort(signal.reason);
    signal.addEventListener('abort', onCut, { once: true });
    if (signal.aborted) onCut();
    const watch = new AttemptWatch({
      clock,
      timeouts: timeoutsOf(request),
      deadline: deadlineAt,
      // What is passed on unread flows as a stream does.
      stream: stream || expected === 'Any',
      begun: client.begun,
      endpoints: endpoints.length,
      others,
      usualMs: () => kind?.usualMs,
      blocked: () => client.blocked,
      ping: () => client.ping(),
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

  /** The times of answers like the one that an unstreamed call asks for; undefined for other calls. */
  #kindOf(
    { expected, stream, model, size }: ModelRequest,
    { endpoint }: Member,
  ): KindTimes | undefined {
    if (expected !== 'Message' || stream) return undefined;
    return this.#times.of(endpoint, endpoint.model ?? model, size.maxTokens);
  }

  /** The answer refuses the credential. */
  #refused(
    { member, permit }: Pick<Granted, 'member' | 'permit'>,
    kind: CallKind,
    result: AttemptResult,
    { gate, retryAfterMs }: Refusal,
  ): void {
    const stated = providerLimits(result.headers ?? [], this.#date);
    const shutMs = permit.refused(gate, retryAfterMs, stated);
    if (shutMs > 0) result.shutMs = shutMs;
    result.keyServed = member.credential.mounted && member.handle.hasServed(kind);
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
    // Listing models and counting tokens are no calls of a model.
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

/**
 * What a fallback refuses is not the client's fault: the preferred endpoint might have taken it. No `route`: the client
 * can get no rejection any more.
 */
function tellable(
  last: Answered,
  preferred: Answered | undefined,
  route: Route | undefined,
): Answered | Refused {
  if (!isRefused(last.result)) return last;
  return preferred ?? route?.rejectionOfPreferred() ?? last;
}

const NO_BODY = Buffer.alloc(0);

function letGo({ bodyDone }: ModelRequest, holders: { body: Buffer }[]): void {
  for (const holder of holders) holder.body = NO_BODY;
  bodyDone?.();
}

/** Learns from an unstreamed answer. An attempt that was cut while its like were served was only slow. */
function judgeByTime(
  result: AttemptResult,
  kind: KindTimes | undefined,
  began: number,
  now: number,
): void {
  if (!kind) return;
  if (result.whole && result.outcome.vote === 'ok') kind.served(now - began, now);
  else if (result.fault === 'Attempt' && kind.servedAfter(began)) result.outcome = SLOW;
}

const SLOW: Outcome = { vote: 'ignored', slow: true };

/** Timeouts of an attempt, by what it asks for. */
function timeoutsOf({ content: { timeouts }, method, expected }: ModelRequest): AttemptTimeouts {
  if (expected === 'Message') return timeouts;
  if (expected === 'Any') return unreadTimeouts(timeouts);
  return passThroughTimeouts(timeouts, method === 'GET' ? MODELS_MS : PASS_THROUGH_MS);
}

/** The vote of an attempt. Several failures of one request count once towards failures in a row. */
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
 * The charge of an attempt: the usage that was seen; for a whole answer without figures the reservation; nothing if
 * the endpoint did not start on it.
 */
export function chargeOf(result: AttemptResult): ActualCost {
  const { inputTokens, outputTokens } = result.usage;
  const seen = inputTokens !== undefined || outputTokens !== undefined;
  if (!seen && isUntaken(result)) return REFUND;
  const { cacheReadTokens: _, ...figures } = result.usage;
  return result.whole ? figures : { inputTokens: 0, outputTokens: 0, ...figures };
}

/** A client that leaves pays for its reserved input, and for no less than the endpoint reported. */
function chargeOfLeft({ inputTokens }: Cost = NO_COST, meter: UsageMeter): ActualCost {
  const seen = meter.atLeast();
  return { ...seen, inputTokens: Math.max(inputTokens, seen.inputTokens) };
}

const NO_COST: Cost = { inputTokens: 0, outputTokens: 0 };

/** Whether the endpoint may be working on it: it has not answered with an error. */
function isTaken({ status = 200 }: AttemptResult): boolean {
  return status < 300;
}

const UNTAKEN_STATUSES: ReadonlySet<number> = new Set([408, 409, 429]);
/** These count also as the first event of a stream. */
const UNTAKEN_CLASSES: ReadonlySet<FailureClass> = new Set([
  'Connection',
  'Overloaded',
  'RateLimited',
]);

function isUntaken({ status = 0, fault, outcome }: AttemptResult): boolean {
  if (fault === 'UpstreamUnreachable' || fault === 'Unsendable') return true;
  if (outcome.vote === 'failure' && UNTAKEN_CLASSES.has(outcome.class)) return true;
  return status >= 500 || UNTAKEN_STATUSES.has(status);
}
