import { Cut } from '../errors/fault.ts';
import type { Clock } from '../guard/clock.ts';
import type { Permit } from '../guard/permit.ts';
import type { AttemptTrace } from '../observe/trace/chatTrace.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { RemoteContext } from '../../tracing/span.ts';
import type { KindTimes } from './attempt/answerTimes.ts';
import type { Attempt, AttemptResult } from './attempt/attempt.ts';
import { AttemptWatch } from './attempt/attemptWatch.ts';
import type { AttemptTimeouts } from './attempt/attemptWatch.ts';
import type { ClientAnswer } from './attempt/clientAnswer.ts';
import type { TokenEstimator } from '../protocols/usage.ts';
import { modelAt } from './provider/models.ts';
import { providerOf } from './provider/providers.ts';
import type { AnswerMeter } from '../protocols/protocol.ts';
import { MODELS_MS, PASS_THROUGH_MS, passThroughTimeouts, unreadTimeouts } from './passThrough.ts';
import type { Member } from './pool/pool.ts';
import { callKind } from './pool/route.ts';
import type { ModelRequest } from './request.ts';
import type { RawHeaders } from './transport/headers.ts';

export interface ModelAttemptDeps {
  clock: Clock;
  estimator: Pick<TokenEstimator, 'ratio'>;
  byteBudget: ByteBudget;
}

export interface BegunAttempt {
  request: ModelRequest;
  member: Member;
  permit: Permit;
  client: ClientAnswer;
  /** Times of such answers; undefined where they do not decide. */
  times: KindTimes | undefined;
  /** Number of other endpoints that the request could still move to. */
  others: () => number;
}

const SLOW: Outcome = { vote: 'ignored', slow: true };

/** One attempt of a request at an endpoint, from its permit to its result. */
export class ModelAttempt implements Attempt {
  readonly request: ModelRequest;
  readonly to: Member;
  readonly permit: Permit;
  readonly answer: ClientAnswer;
  readonly watch: AttemptWatch;
  readonly meter: AnswerMeter;
  readonly budget: ByteBudget;
  readonly date: () => Date;
  readonly #clock: Clock;
  readonly #times: KindTimes | undefined;
  readonly #trace: AttemptTrace | undefined;
  readonly #own: AbortController;

  /** Begins the attempt: its permit is granted. */
  constructor({ clock, estimator, byteBudget }: ModelAttemptDeps, begun: BegunAttempt) {
    const { request, member, permit, client, times, others } = begun;
    const { chat, signal } = request;
    const own = new AbortController();
    this.#own = own;
    this.request = request;
    this.to = member;
    this.permit = permit;
    this.answer = client;
    this.budget = byteBudget;
    this.date = () => clock.date();
    this.#clock = clock;
    this.#times = times;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    this.watch = new AttemptWatch({
      clock,
      timeouts: timeoutsOf(request),
      deadline: request.deadlineAt,
      // What is passed on unread flows as a stream does.
      stream: request.stream || request.expected === 'Any',
      endpoints: request.endpoints.length,
      others,
      usual: times,
      client,
      permit,
      // Holds no more than the controller: the attempt would survive more collections, and all that it holds.
      cut: (why) => own.abort(new Cut(why)),
    });
    const model = modelAt(member.endpoint, request.model);
    const ratio = estimator.ratio(model);
    this.meter = request.protocol.meter(ratio, chat?.content, request.addsUsage);
    this.#trace = chat?.attempt(member, model);
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  get context(): RemoteContext | undefined {
    return this.#trace?.context;
  }

  /** A client's own credential has limits of its own. */
  onHeaders(headers: RawHeaders): void {
    const { handle, credential, endpoint } = this.to;
    if (!credential.mounted) return;
    const stated = providerOf(endpoint).limits(headers, this.date);
    handle.learn(stated, credential.hash, callKind(this.request), this.permit.grantedAt);
  }

  /** Judges the result by the time that it took, and shuts the gate of a refused credential. */
  judge(result: AttemptResult): void {
    if (this.#times) this.#judgeByTime(this.#times, result);
    if (result.refusal) this.#refused(result.refusal, result);
  }

  /** Learns from an unstreamed answer. An attempt that was cut while its like were served was only slow. */
  #judgeByTime(times: KindTimes, result: AttemptResult): void {
    const now = this.#clock.now();
    const { startedAt } = this.watch;
    if (result.whole && result.outcome.vote === 'ok') times.served(now - startedAt, now);
    else if (result.fault === 'Attempt' && times.servedAfter(startedAt)) result.outcome = SLOW;
  }

  #refused(
    { gate, retryAfterMs }: NonNullable<AttemptResult['refusal']>,
    result: AttemptResult,
  ): void {
    const { credential, credentials, identity, handle, endpoint } = this.to;
    // Fresh credentials may be accepted: the gate stays open for one refresh.
    if (gate === 'Unauthorized' && credentials && identity?.refused(credentials) === true) {
      result.keyServed = true;
      return;
    }
    const stated = providerOf(endpoint).limits(result.headers ?? [], this.date);
    const shutMs = this.permit.refused(gate, retryAfterMs, stated);
    if (shutMs > 0) result.shutMs = shutMs;
    result.keyServed = credential.mounted && handle.hasServed(callKind(this.request));
  }

  /** Stops its timer and follows the request no more. */
  close(): void {
    this.watch.close();
    this.request.signal.removeEventListener('abort', this.#onAbort);
  }

  endTrace(result: AttemptResult): void {
    // What is passed on unread has no tokens.
    const firstChunk = this.request.expected === 'Any' ? undefined : this.watch.firstChunk;
    this.#trace?.end(result, () => this.meter.facts(), firstChunk);
  }

  readonly #onAbort = (): void => this.#own.abort(this.request.signal.reason);
}

/** Timeouts of an attempt, by what it asks for. */
function timeoutsOf({ content: { timeouts }, method, expected }: ModelRequest): AttemptTimeouts {
  if (expected === 'Message') return timeouts;
  if (expected === 'Any') return unreadTimeouts(timeouts);
  return passThroughTimeouts(timeouts, method === 'GET' ? MODELS_MS : PASS_THROUGH_MS);
}
