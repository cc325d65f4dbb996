import type { ActualCost, Cost } from '../guard/admission.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { FailureClass, Outcome } from '../resilience/outcome.ts';
import type { RetryBudgets } from '../resilience/retryBudget.ts';
import type { AttemptResult } from './attempt/attempt.ts';
import { AnswerTimes } from './attempt/answerTimes.ts';
import type { KindTimes } from './attempt/answerTimes.ts';
import { ClientAnswer } from './attempt/clientAnswer.ts';
import type { TokenEstimator, Usage } from '../protocols/usage.ts';
import { forward } from './attempt/forward.ts';
import { NO_USAGE, TotalUsage } from '../protocols/usage.ts';
import type { AnswerMeter } from '../protocols/protocol.ts';
import { Cut } from '../errors/fault.ts';
import { ModelAttempt } from './modelAttempt.ts';
import { NextAttempt } from './nextAttempt.ts';
import type { Retry, Step } from './nextAttempt.ts';
import { waitForExchange, waitForGates } from './pause.ts';
import { modelAt } from './provider/models.ts';
import type { Member, PassedOver, Pool } from './pool/pool.ts';
import { Route } from './pool/route.ts';
import type { Fallback, Granted, Refused, RoutedRequest } from './pool/route.ts';
import type { ModelAnswer, ModelRequest } from './request.ts';
import { isRefused } from './retry.ts';
import type { Upstream } from './transport/upstream.ts';

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
  /** A request passed over an endpoint that cannot take it. */
  onPassedOver: (passedOver: PassedOver) => void;
  /** A request of a session was sent. `atItsEndpoint`: to the endpoint that holds its cache. */
  onSession: (atItsEndpoint: boolean) => void;
}

type Answered = Extract<ModelAnswer, { kind: 'Answered' }>;

/**
 * Calls the model and owns all retries. Each attempt takes its own permits at its endpoint and votes once there. It
 * makes none where a circuit or a gate has shut meanwhile.
 */
export class ModelCaller {
  readonly #deps: ModelCallerDeps;
  readonly #times = new AnswerTimes();

  constructor(deps: ModelCallerDeps) {
    this.#deps = deps;
  }

  /** Rejects only on a programming error. */
  async call(request: ModelRequest): Promise<ModelAnswer> {
    const { clock } = this.#deps;
    const route = new Route(this.#deps, request);
    const asked = route.first();
    // Awaits only if there is something to wait for: every request runs this code.
    let first = asked instanceof Promise ? await asked : asked;
    if (first.kind === 'NoEndpoint' && first.awaited !== undefined) {
      const kept = await waitForExchange(first.awaited, request, clock);
      if (kept && !request.signal.aborted) first = await route.first();
    }
    if (request.ownTurn === true) first = await waitForGates(first, { request, route, clock });
    if (first.kind !== 'Granted') return { ...first, usage: NO_USAGE };
    return this.#attempts(request, route, first);
  }

  /** Makes attempts until one is answered well, or none may follow. */
  async #attempts(request: ModelRequest, route: Route, first: Granted): Promise<ModelAnswer> {
    const { clock, pool, retryBudgets, upstream } = this.#deps;
    const client = clientAnswer(request);
    const next = new NextAttempt(this.#deps, request, route);
    /** Dependencies that have failed an attempt. */
    const failed = new Set<string>();
    const usage = new TotalUsage();
    let answer: Answered | undefined;
    /** The last answer of the endpoint from which the request has moved. */
    let preferred: Answered | undefined;
    let { member, permit } = first;
    for (;;) {
      const { dependency } = member;
      if (answer?.dependency !== dependency) {
        preferred ??= answer;
        retryBudgets.of(dependency).request(clock.now());
      }
      const attempt = this.#begin(request, { member, permit }, route, client);
      let result: AttemptResult | undefined;
      let step: Step | undefined;
      let charge: ActualCost | undefined;
      try {
        result = await forward(upstream, attempt);
        attempt.judge(result);
        pool.record(member, result.outcome);
        // The gate of the attempt has shut, and its vote has not opened the circuit yet.
        step = next.choose(result, member);
        charge = chargeOf(result, attempt);
      } finally {
        attempt.close();
        permit.settle(voteOf(result, dependency, failed, request.client), charge);
      }
      usage.add(charge);
      this.#report(attempt, result);
      answer = { kind: 'Answered', result, dependency, usage: usage.total() };
      const granted = step && (await next.follow(step, result, member));
      if (granted instanceof Cut) {
        return { ...answer, result: client.ended({ ...result, fault: granted.why }) };
      }
      if (!granted) break;
      ({ member, permit } = granted);
    }
    route.end();
    const last = answerFor(answer, preferred, client.begun ? undefined : route);
    if (last.kind === 'Answered') last.result = client.ended(last.result);
    return { ...last, usage: answer.usage };
  }

  #begin(
    request: ModelRequest,
    { member, permit }: Pick<Granted, 'member' | 'permit'>,
    route: Route,
    client: ClientAnswer,
  ): ModelAttempt {
    const { retryBudgets } = this.#deps;
    return new ModelAttempt(this.#deps, {
      request,
      member,
      permit,
      client,
      times: this.#timesOf(request, member),
      // Without a budget the request moves nowhere.
      others: () => (retryBudgets.of(member.dependency).isOff ? 0 : route.othersLeft(member)),
    });
  }

  /** The times of answers like the one that an unstreamed call asks for; undefined for other calls. */
  #timesOf(
    { expected, stream, model, size }: ModelRequest,
    { endpoint }: Member,
  ): KindTimes | undefined {
    if (expected !== 'Message' || stream) return undefined;
    return this.#times.of(endpoint, modelAt(endpoint, model), size.maxTokens);
  }

  #report(attempt: ModelAttempt, result: AttemptResult): void {
    attempt.endTrace(result);
    const { request, to, watch, meter } = attempt;
    // Listing models and counting tokens are no calls of a model.
    if (request.expected !== 'Message') return;
    const { outcome, usage } = result;
    const model = modelAt(to.endpoint, request.model);
    this.#deps.estimator.learn(model, request.size, usage);
    this.#deps.onAttempt({
      model,
      dependency: to.dependency,
      outcome,
      errorType: outcome.vote === 'failure' ? outcome.class : '',
      duration: (this.#deps.clock.now() - watch.startedAt) / 1000,
      firstChunk: watch.firstChunk,
      usage,
      cacheWriteTokens: meter.cacheWriteTokens,
    });
  }
}

/**
 * The answer for the client. What a fallback refuses is not the client's fault: the preferred endpoint might have taken
 * it. No `route`: the client can get no rejection any more.
 */
function answerFor(
  last: Answered,
  preferred: Answered | undefined,
  route: Route | undefined,
): Answered | Refused {
  if (!isRefused(last.result)) return last;
  return preferred ?? route?.rejectionOfPreferred() ?? last;
}

/** Where the answers of all attempts go. */
function clientAnswer(request: ModelRequest): ClientAnswer {
  const pings = request.stream && request.ownTurn !== true;
  const { protocol, sink, bodyDone } = request;
  return new ClientAnswer(protocol, sink, pings, bodyDone && (() => releaseBody(request)));
}

const NO_BODY = Buffer.alloc(0);

/** No further attempt needs the body. */
function releaseBody(request: ModelRequest): void {
  request.body = NO_BODY;
  request.bodyDone?.();
}

/** The vote of an attempt. Several failures of one request count once towards failures in a row. */
function voteOf(
  result: AttemptResult | undefined,
  dependency: string,
  failed: Set<string>,
  client = '',
): Outcome {
  const outcome = result?.outcome ?? IGNORED;
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
function chargeOf(result: AttemptResult, { permit, meter }: ModelAttempt): ActualCost {
  const { fault, unsent = false } = result;
  if (fault === 'ClientGone' && !unsent && isTaken(result)) {
    return chargeOfAbandoned(permit.asked?.cost, meter);
  }
  const { inputTokens, outputTokens } = result.usage;
  const seen = inputTokens !== undefined || outputTokens !== undefined;
  if (!seen && isUntaken(result)) return REFUND;
  const { cacheReadTokens: _, ...figures } = result.usage;
  return result.whole ? figures : { inputTokens: 0, outputTokens: 0, ...figures };
}

/** A client that leaves pays for its reserved input, and for no less than the endpoint reported. */
function chargeOfAbandoned({ inputTokens }: Cost = NO_COST, meter: AnswerMeter): ActualCost {
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
