import type { ChatTrace } from '../../observe/trace/chatTrace.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import type { Admission, Permit, Waiting } from '../../guard/permit.ts';
import type { AskedCall, Others } from '../../guard/admission.ts';
import type { CallKind } from '../../guard/models.ts';
import type { Rejection } from '../../errors/rejection.ts';
import { REFUND } from '../../guard/admission.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import { awaitAdmission } from '../../guard/permit.ts';
import { modelAt } from '../provider/models.ts';
import type { AskedRequest, Obstacle } from '../provider/provider.ts';
import type { RequestSize, TokenEstimator } from '../../protocols/usage.ts';
import { headerValue, limitKeys } from '../transport/headers.ts';
import type { Session } from './affinity.ts';
import type { Lacking } from './authentication.ts';
import { haveEquals } from './pool.ts';
import type { Candidate, Member, PassedOver, Pool } from './pool.ts';
import { takes } from './takes.ts';

/** The parts of a request to the model that decide which endpoints may serve it. */
export interface RoutedRequest extends Snapshot, AskedRequest {
  size: RequestSize;
  /** End of the whole request, on the monotonic clock. */
  deadlineAt: number;
  /** Aborts with a Cut when the client leaves or the process stops. */
  signal: AbortSignal;
  /** Principal of the client, for limits and the cache; empty for an unknown one. Absent: the cache does not answer. */
  principal?: string;
  /** Session of the request; requests of one session stay at one endpoint while it takes calls. Absent: none. */
  session?: Session | undefined;
  /** Traces the request. */
  chat?: ChatTrace | undefined;
}

/** A permit for an attempt at this endpoint. */
export interface Granted {
  kind: 'Granted';
  member: Member;
  permit: Permit;
}

/** No endpoint takes the call. Holds the rejection of the endpoint that may take one soonest. */
export interface Refused {
  kind: 'Refused';
  rejection: Rejection;
  /** Dependency that rejected. */
  dependency: string;
  /** Whether the credential is the agent's own. */
  mounted: boolean;
}

/** No endpoint to ask: none has its key or credentials, none can take the request, or a reload removed all. */
export interface NoEndpoint {
  kind: 'NoEndpoint';
  /** A key of a Secret. */
  missing?: NonNullable<Lacking['missing']>;
  /** Whether an identity has no credentials. */
  unavailable?: boolean;
  /** The exchange that may bring them. */
  awaited?: Promise<void>;
  /** What keeps the request from the first endpoint that cannot take it. */
  obstacle?: Obstacle | undefined;
}

/** A call goes to `to` because the preferred `from` failed or rejected it. */
export interface Fallback {
  from: string;
  to: string;
  /** Class of the failure, or reason of the rejection. */
  reason: string;
}

export interface RouteDeps {
  pool: Pool;
  estimator: Pick<TokenEstimator, 'estimate'>;
  /** A call went to an endpoint other than the preferred one. */
  onFallback: (fallback: Fallback, request: RoutedRequest) => void;
  /** A request passed over an endpoint that cannot take it. */
  onPassedOver: (passedOver: PassedOver) => void;
  /** A request of a session was sent. `atItsEndpoint`: to the endpoint that holds its cache. */
  onSession: (atItsEndpoint: boolean) => void;
}

/** Which endpoints a call may move to. */
export interface Move {
  from: Member;
  /** Only endpoints of the same priority. */
  equals?: boolean;
  /** Only endpoints with another credential. */
  otherCredential?: boolean;
  /** Only endpoints with a larger context than this number of tokens. */
  contextTokensAbove?: number;
}

/** Rejections after which it helps to wait at the same endpoint. */
const WAITABLE: ReadonlySet<Rejection['reason']> = new Set(['BulkheadFull', 'RateLimited']);

/** The kind of call in the guard. */
export function callKind({ model, expected }: Pick<RoutedRequest, 'model' | 'expected'>): CallKind {
  const votes = expected === 'Message';
  return model === '' ? { votes } : { votes, model };
}

/** Routes one request: chooses the endpoint of each attempt. */
export class Route implements Others {
  readonly #deps: RouteDeps;
  readonly #request: RoutedRequest;
  readonly #kind: CallKind;
  /** Dependencies of the attempts so far. */
  readonly #tried: string[] = [];
  /** Dependencies that rejected a move. */
  readonly #refusedBy: string[] = [];
  /** Rejections of the endpoints that were asked before. */
  #rejected: Map<string, Rejection['reason']> | undefined;
  /** Number of moves. They are bounded, so that load does not multiply by the endpoints when all are down. */
  #moves = 0;
  /** Members at the start of the request. */
  #members: readonly Member[] = [];
  /** Session of the request, if there is a choice of endpoints. */
  #session: Session | undefined;
  /** The endpoint that should hold the session's cache. */
  #home: Member | undefined;
  /** The endpoint of the last attempt. */
  #at: Member | undefined;
  /** The preferred endpoint, if it rejected the first call. */
  #skipped: Member | undefined;

  constructor(deps: RouteDeps, request: RoutedRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#kind = callKind(request);
  }

  /** Acquires the first permit. Waits at a full endpoint if no other takes the call. */
  first(): Granted | Refused | NoEndpoint | Promise<Granted | Refused> {
    const { pool } = this.#deps;
    const { content, endpoints, session } = this.#request;
    const { members, lacking, passedOver } = pool.members(endpoints, this.#request);
    this.#members = members;
    this.#session = session && haveEquals(members) ? session : undefined;
    this.#home = this.#session && pool.affinity.prefer(this.#session, members);
    if (passedOver) this.#skip(passedOver, members.length > 1);
    if (members.length === 0) {
      return { ...noEndpoint(lacking), obstacle: passedOver?.[0]?.obstacle };
    }
    if (members.length === 1) return this.#only(members[0]!);
    const answer = this.#any(pool.candidates(this.#able(members), content, this.#kind));
    if (answer instanceof Promise) return answer.then((late) => this.#noted(late, members));
    return this.#noted(answer, members);
  }

  /** An endpoint that lacks only a beta serves if it is the last one. */
  #skip(all: readonly PassedOver[], others: boolean): void {
    for (const each of all) {
      if (each.obstacle !== 'Beta' || others) this.#deps.onPassedOver(each);
    }
  }

  /** The members that can take the request, and those of the best priority if none of them can. */
  #able(members: readonly Member[]): readonly Member[] {
    if (members.every((each) => this.#takes(each))) return members;
    const best = Math.min(...members.map(({ priority }) => priority));
    const able = members.filter((each) => this.#takes(each));
    if (able.some(({ priority }) => priority === best)) return able;
    return [...members.filter(({ priority }) => priority === best), ...able];
  }

  #takes(member: Member): boolean {
    const { size, model } = this.#request;
    const estimate = this.#deps.estimator.estimate(modelAt(member.endpoint, model), size);
    return takes(member, estimate, size);
  }

  /** Reports a fallback if the answer is one. */
  #noted(answer: Granted | Refused, members: readonly Member[]): Granted | Refused {
    if (answer.kind === 'Refused') return answer;
    const preferred = members.reduce((a, b) => (b.priority < a.priority ? b : a));
    if (preferred.priority < answer.member.priority) {
      this.#skipped = preferred;
      const { dependency: from } = preferred;
      const to = answer.member.dependency;
      this.#deps.onFallback({ from, to, reason: this.#obstacle(preferred) }, this.#request);
    }
    return answer;
  }

  /** Why an endpoint was skipped. One that was full may have room again. */
  #obstacle({ dependency, handle, credential }: Member): Rejection['reason'] {
    const rejected = this.#rejected?.get(dependency);
    return rejected ?? handle.obstacle(credential, this.#kind) ?? 'BulkheadFull';
  }

  /** Why the preferred endpoint rejects what another one was asked for; undefined if it does not. */
  rejectionOfPreferred(): Refused | undefined {
    const member = this.#skipped;
    const asked = member && this.#ask(member, true);
    if (!asked || asked.kind === 'Rejection') return asked && refused(member, asked.rejection);
    if (asked.kind === 'Waiting') asked.cancel();
    else asked.settle(IGNORED, REFUND);
    return undefined;
  }

  /** Acquires another permit at the same endpoint; undefined if it takes no call now. */
  async again(member: Member): Promise<Granted | undefined> {
    const { members } = this.#deps.pool.members([member.endpoint], this.#request);
    const answer = members[0] && (await this.#only(members[0]));
    return answer?.kind === 'Granted' ? answer : undefined;
  }

  /** Ends the route after the last attempt. */
  end(): void {
    if (this.#home !== undefined && this.#at !== undefined) {
      this.#deps.onSession(this.#at.name === this.#home.name);
    }
  }

  /** Whether the request has moved. */
  get moved(): boolean {
    return this.#moves > 0;
  }

  canServe(besides: string): boolean {
    const { endpoints } = this.#request;
    if (endpoints.length <= 1) return false;
    return this.#deps.pool
      .members(endpoints, this.#request)
      .members.some(
        ({ dependency, handle, credential }) =>
          dependency !== besides &&
          !this.#tried.includes(dependency) &&
          handle.serves(credential, this.#kind),
      );
  }

  /** Number of other endpoints that the request could still move to. */
  othersLeft(from: Member): number {
    const { content } = this.#request;
    const usable = this.#others({ from }).filter(({ availability }) => availability === 'Usable');
    return Math.min(usable.length, maxMoves(content) - this.#moves);
  }

  /** An untried endpoint that takes a call now and is `allowed`; undefined if there is none. */
  choose(move: Move, allowed: (to: Candidate) => boolean): Candidate | undefined {
    const left = this.#others(move).filter(({ availability }) => availability === 'Usable');
    for (;;) {
      const chosen = this.#ofSession(left) ?? this.#deps.pool.choose(this.#request.content, left);
      if (!chosen || allowed(chosen)) return chosen;
      left.splice(left.indexOf(chosen), 1);
    }
  }

  /** Moves to the chosen endpoint. Undefined if it rejects the call; the request does not ask it again. */
  async take(
    { member, probe }: Candidate,
    { from }: Move,
    reason: string,
  ): Promise<Granted | undefined> {
    const asked = this.#ask(member, true);
    const answer = asked.kind === 'Waiting' ? await this.#admitted(member, asked) : asked;
    if (answer.kind !== 'Permit') {
      this.#refusedBy.push(member.dependency);
      return undefined;
    }
    this.#moves += 1;
    const fallback = { from: from.dependency, to: member.dependency, reason };
    this.#deps.onFallback(fallback, this.#request);
    return this.#granted(member, answer, probe);
  }

  #others({ from, ...move }: Move): Candidate[] {
    const { equals = false, otherCredential = false, contextTokensAbove = -1 } = move;
    const { content, endpoints } = this.#request;
    if (endpoints.length <= 1 || this.#moves >= maxMoves(content)) return [];
    const { members } = this.#deps.pool.members(endpoints, this.#request);
    const others = members.filter((member) => {
      const { dependency, priority, credential, endpoint } = member;
      return (
        !this.#tried.includes(dependency) &&
        !this.#refusedBy.includes(dependency) &&
        this.#takes(member) &&
        (!equals || priority === from.priority) &&
        (!otherCredential || credential.hash !== from.credential.hash) &&
        (contextTokensAbove < 0 || (endpoint.contextTokens ?? 0) > contextTokensAbove)
      );
    });
    return this.#deps.pool.candidates(others, content, this.#kind);
  }

  #only(member: Member): Granted | Refused | Promise<Granted | Refused> {
    const answer = this.#ask(member, false);
    if (answer.kind === 'Waiting') return this.#waited(member, answer);
    if (answer.kind === 'Permit') return this.#granted(member, answer);
    return refused(member, answer.rejection);
  }

  /** Asks one after another: first the usable ones, then the full ones. */
  #any(
    candidates: Candidate[],
    refusals: Refused[] = [],
  ): Granted | Refused | Promise<Granted | Refused> {
    const left = [...candidates];
    for (;;) {
      const chosen = this.#preferred(left) ?? this.#deps.pool.choose(this.#request.content, left);
      if (!chosen) return soonest(refusals);
      const immediate = chosen.availability === 'Usable';
      const answer = this.#ask(chosen.member, immediate);
      // After a wait no time is left for others.
      if (answer.kind === 'Waiting') {
        return immediate
          ? this.#answered(chosen, answer, left, refusals)
          : this.#waited(chosen.member, answer);
      }
      if (answer.kind === 'Permit') return this.#granted(chosen.member, answer, chosen.probe);
      this.#pass(chosen, refused(chosen.member, answer.rejection), left, refusals);
    }
  }

  /** Notes a rejection. A candidate that seemed usable may be asked once more as a full one. */
  #pass(chosen: Candidate, answer: Refused, left: Candidate[], refusals: Refused[]): void {
    const { reason } = answer.rejection;
    (this.#rejected ??= new Map()).set(answer.dependency, reason);
    if (chosen.availability === 'Usable' && WAITABLE.has(reason)) {
      chosen.availability = 'Full';
      return;
    }
    left.splice(left.indexOf(chosen), 1);
    refusals.push(answer);
  }

  /** Waits for a store of limits, and asks the others if it grants nothing. */
  async #answered(
    chosen: Candidate,
    waiting: Waiting,
    left: Candidate[],
    refusals: Refused[],
  ): Promise<Granted | Refused> {
    const answer = await this.#waited(chosen.member, waiting, chosen.probe);
    if (answer.kind === 'Granted' || this.#request.signal.aborted) return answer;
    this.#pass(chosen, answer, left, refusals);
    return this.#any(left, refusals);
  }

  /**
   * Among usable endpoints of the best priority: a half-open one that waits for a probe, else the session's own.
   * Without probes a circuit would stay half-open while its traffic is elsewhere.
   */
  #preferred(candidates: readonly Candidate[]): Candidate | undefined {
    if (this.#session === undefined && !candidates.some(({ probe }) => probe)) return undefined;
    const usable = candidates.filter(({ availability }) => availability === 'Usable');
    const best = Math.min(...usable.map(({ priority }) => priority));
    const probe = usable.find((each) => each.probe && each.priority === best);
    return probe ?? this.#ofSession(usable);
  }

  /** The session's endpoint; undefined without a session. */
  #ofSession(candidates: readonly Candidate[]): Candidate | undefined {
    const session = this.#session;
    return session && this.#deps.pool.affinity.prefer(session, candidates);
  }

  /** A probe runs without the session's cache, and does not move the session. */
  #granted(member: Member, permit: Permit, probe = false): Granted {
    const session = this.#session;
    if (session && !probe) this.#deps.pool.affinity.served(session, member, this.#members);
    this.#at = member;
    this.#tried.push(member.dependency);
    return { kind: 'Granted', member, permit };
  }

  #ask(member: Member, immediate: boolean): Admission | Waiting {
    const { deadlineAt, headers, size, model, principal = '' } = this.#request;
    const { endpoint, credential } = member;
    const { maxTokens = Infinity } = endpoint;
    const estimate = this.#deps.estimator.estimate(modelAt(endpoint, model), size);
    const asked: AskedCall = {
      deadlineAt,
      header: limitKeys(principal, (name) => headerValue(headers, name)),
      cost: { ...estimate, outputTokens: Math.min(estimate.outputTokens, maxTokens) },
      credential,
      others: this,
      ...this.#kind,
      ...(immediate && { immediate }),
    };
    return member.handle.acquire(asked);
  }

  async #waited(member: Member, waiting: Waiting, probe?: boolean): Promise<Granted | Refused> {
    const admission = await this.#admitted(member, waiting);
    if (admission.kind === 'Rejection') return refused(member, admission.rejection);
    return this.#granted(member, admission, probe);
  }

  async #admitted(member: Member, waiting: Waiting): Promise<Admission> {
    const { signal, chat } = this.#request;
    const admitted = awaitAdmission(waiting, signal);
    const admission = await (chat?.waits(member.dependency, admitted) ?? admitted);
    if (admission.kind === 'Rejection' || !signal.aborted) return admission;
    admission.settle(IGNORED, REFUND);
    return { kind: 'Rejection', rejection: LEFT };
  }
}

/** Largest number of moves. */
function maxMoves({ retry }: Snapshot['content']): number {
  return retry.maxAttempts;
}

/** Has no reader: the client has left, or the process stops. */
const LEFT: Rejection = { reason: 'Timeout', target: '', retryAfterMs: 0 };

function noEndpoint({ missing, unavailable }: Lacking = {}): NoEndpoint {
  const awaited = unavailable?.awaited;
  return {
    kind: 'NoEndpoint',
    ...(missing && { missing }),
    ...(unavailable && { unavailable: true }),
    ...(awaited && { awaited }),
  };
}

function refused({ dependency, credential }: Member, rejection: Rejection): Refused {
  return { kind: 'Refused', rejection, dependency, mounted: credential.mounted };
}

function soonest(refusals: readonly Refused[]): Refused {
  return refusals.reduce((a, b) => (b.rejection.retryAfterMs < a.rejection.retryAfterMs ? b : a));
}
