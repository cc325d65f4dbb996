import type { ChatTrace } from '../../observe/trace/chatTrace.ts';
import type { Admission, Permit, Waiting } from '../../guard/permit.ts';
import type { AskedCall } from '../../guard/admission.ts';
import type { CallKind } from '../../guard/models.ts';
import type { Rejection } from '../../errors/rejection.ts';
import { REFUND } from '../../guard/admission.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import { awaitAdmission } from '../../guard/awaitAdmission.ts';
import type { Expected } from '../attempt/attempt.ts';
import type { RequestSize } from '../attempt/estimate.ts';
import type { RawHeaders } from '../transport/headers.ts';
import type { TokenEstimator } from '../attempt/estimate.ts';
import { headerValue, limitKeys } from '../transport/headers.ts';
import { haveEquals } from './affinity.ts';
import type { Session } from './affinity.ts';
import type { Candidate, InForce, Member, Pool } from './pool.ts';

/** A request to the model, as far as it decides which endpoints may serve it. */
export interface RoutedRequest extends InForce {
  /** The client's, in which its own credential may be. */
  headers: RawHeaders;
  /** As the client named it. */
  model: string;
  size: RequestSize;
  /** What a good answer looks like. Only calls that ask for a message vote in circuits. */
  expected: Expected;
  /** End of the whole request, on the monotonic clock. */
  deadlineAt: number;
  /** Aborted with a Cut when the client leaves or the process does. */
  signal: AbortSignal;
  /** The client, for limits and the cache; empty for a client without a name. Absent: the cache does not answer. */
  principal?: string;
  /** Requests of one session stay at one endpoint while it takes calls. Absent: it belongs to none. */
  session?: Session | undefined;
  /** Told of what becomes of it. */
  chat?: ChatTrace | undefined;
}

/** Leave to make an attempt, at this endpoint. */
export interface Granted {
  kind: 'Granted';
  member: Member;
  permit: Permit;
}

/** No endpoint takes the call: the rejection of the one that may take one soonest. */
export interface Refused {
  kind: 'Refused';
  rejection: Rejection;
  /** The one that rejected. */
  dependency: string;
  /** Whether the credential is the agent's own. */
  mounted: boolean;
}

/** There is no endpoint to ask: none has its key, or a reload took all of them away. */
export interface Nowhere {
  kind: 'Nowhere';
  missing?: NonNullable<Member['endpoint']['credential']>;
}

/** A call goes to `to`, because `from`, which was to be preferred, has failed or takes none. */
export interface Fallback {
  from: string;
  to: string;
  /** The class of the failure, or of the rejection. */
  reason: string;
}

export interface RouteDeps {
  pool: Pool;
  estimator: Pick<TokenEstimator, 'estimate'>;
  /** A call goes elsewhere than to the endpoint to be preferred. */
  onFallback: (fallback: Fallback, request: RoutedRequest) => void;
  /** A request of a session was made, at the endpoint that its cache was expected at or at another one. */
  onSession: (atItsEndpoint: boolean) => void;
}

/** Which of the others a call may move on to. */
export interface Move {
  from: Member;
  /** Only to those of the same priority. */
  equals?: boolean;
  /** Only to those with another credential. */
  otherCredential?: boolean;
  /** Only to those that take more tokens than this. */
  contextTokensAbove?: number;
}

/** Own rejections after which waiting at that endpoint may help. */
const WAITABLE: ReadonlySet<Rejection['reason']> = new Set(['BulkheadFull', 'RateLimited']);

/** What the guard knows a request's calls by. */
export function callKind({ model, expected }: Pick<RoutedRequest, 'model' | 'expected'>): CallKind {
  const votes = expected === 'Message';
  return model === '' ? { votes } : { votes, model };
}

/** The way of one request through the pool: where each of its attempts goes. */
export class Route {
  readonly #deps: RouteDeps;
  readonly #request: RoutedRequest;
  readonly #kind: CallKind;
  /** Those that an attempt was made at. */
  readonly #tried: string[] = [];
  /** Those that a call was to move on to and that took none. */
  readonly #refusedBy: string[] = [];
  /** Why those that were asked first took none. */
  #rejected: Map<string, Rejection['reason']> | undefined;
  /** How often it has moved on: when all endpoints are down, load must not multiply by them. */
  #moves = 0;
  /** Those that there were when it began. */
  #members: readonly Member[] = [];
  /** The session that it belongs to, where there is a choice. */
  #session: Session | undefined;
  /** Where the cache of the session is expected. */
  #home: Member | undefined;
  /** Where its last attempt was made. */
  #at: Member | undefined;

  constructor(deps: RouteDeps, request: RoutedRequest) {
    this.#deps = deps;
    this.#request = request;
    this.#kind = callKind(request);
  }

  /** Where the first attempt goes; waits at an endpoint that is full if there is no other. */
  first(): Granted | Refused | Nowhere | Promise<Granted | Refused> {
    const { pool } = this.#deps;
    const { content, endpoints, headers, session } = this.#request;
    const { members, missing } = pool.members(endpoints, headers);
    this.#members = members;
    this.#session = haveEquals(members) ? session : undefined;
    this.#home = this.#session && pool.affinity.prefer(this.#session, members);
    if (members.length <= 1) {
      return members[0] ? this.#only(members[0]) : { kind: 'Nowhere', ...(missing && { missing }) };
    }
    const answer = this.#any(pool.candidates(members, content, this.#kind));
    if (answer instanceof Promise) return answer.then((late) => this.#noted(late, members));
    return this.#noted(answer, members);
  }

  /** The answer, with a fallback told of if that is what it is. */
  #noted(answer: Granted | Refused, members: readonly Member[]): Granted | Refused {
    if (answer.kind === 'Refused') return answer;
    const preferred = members.reduce((a, b) => (b.priority < a.priority ? b : a));
    const passedOver = preferred.priority < answer.member.priority;
    if (passedOver) {
      const { dependency: from } = preferred;
      const to = answer.member.dependency;
      this.#deps.onFallback({ from, to, reason: this.#obstacle(preferred) }, this.#request);
    }
    return answer;
  }

  /** Why an endpoint was passed over. One that was full when it was looked at may be free again. */
  #obstacle({ dependency, handle, credential }: Member): Rejection['reason'] {
    const rejected = this.#rejected?.get(dependency);
    return rejected ?? handle.obstacle(credential, this.#kind) ?? 'BulkheadFull';
  }

  /** The same endpoint once more; undefined if that takes no call any more. */
  async again(member: Member): Promise<Granted | undefined> {
    const { members } = this.#deps.pool.members([member.endpoint], this.#request.headers);
    const answer = members[0] && (await this.#only(members[0]));
    return answer?.kind === 'Granted' ? answer : undefined;
  }

  /** The request has made its last attempt. */
  end(): void {
    if (this.#home !== undefined && this.#at !== undefined) {
      this.#deps.onSession(this.#at.name === this.#home.name);
    }
  }

  /** Whether the request has moved on before. */
  get moved(): boolean {
    return this.#moves > 0;
  }

  /** How many other endpoints the request could still move to now. */
  othersLeft(from: Member): number {
    const { content } = this.#request;
    const usable = this.#others({ from }).filter(({ availability }) => availability === 'Usable');
    return Math.min(usable.length, maxMoves(content) - this.#moves);
  }

  /** Another endpoint that has not been tried, takes a call now and is `allowed`; undefined when there is none. */
  choose(move: Move, allowed: (to: Candidate) => boolean): Candidate | undefined {
    const left = this.#others(move).filter(({ availability }) => availability === 'Usable');
    for (;;) {
      const chosen = this.#ofSession(left) ?? this.#deps.pool.choose(this.#request.content, left);
      if (!chosen || allowed(chosen)) return chosen;
      left.splice(left.indexOf(chosen), 1);
    }
  }

  /** Moves on to the chosen endpoint; undefined, and not to be asked again, when it takes no call after all. */
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
    const { content, endpoints, headers } = this.#request;
    if (endpoints.length <= 1 || this.#moves >= maxMoves(content)) return [];
    const { members } = this.#deps.pool.members(endpoints, headers);
    const others = members.filter(
      ({ dependency, priority, credential, endpoint }) =>
        !this.#tried.includes(dependency) &&
        !this.#refusedBy.includes(dependency) &&
        (!equals || priority === from.priority) &&
        (!otherCredential || credential.hash !== from.credential.hash) &&
        (contextTokensAbove < 0 || (endpoint.contextTokens ?? 0) > contextTokensAbove),
    );
    return this.#deps.pool.candidates(others, content, this.#kind);
  }

  #only(member: Member): Granted | Refused | Promise<Granted | Refused> {
    const answer = this.#ask(member, false);
    if (answer.kind === 'Waiting') return this.#waited(member, answer);
    if (answer.kind === 'Permit') return this.#granted(member, answer);
    return refused(member, answer.rejection);
  }

  /** Asks one after the other: those that are usable at once, then those that are full. */
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
      // Whoever waited has no time left for others.
      if (answer.kind === 'Waiting') {
        return immediate
          ? this.#answered(chosen, answer, left, refusals)
          : this.#waited(chosen.member, answer);
      }
      if (answer.kind === 'Permit') return this.#granted(chosen.member, answer, chosen.probe);
      this.#pass(chosen, refused(chosen.member, answer.rejection), left, refusals);
    }
  }

  /** A candidate takes no call: it may be asked once more where it was to take one at once. */
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

  /** Waits for a store of limits to answer, and goes on to the others if it grants nothing. */
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
   * Among those of the best priority that take calls: one whose half-open circuit waits for a probe, else the one of
   * the session. Otherwise traffic that stays elsewhere would keep a circuit from closing.
   */
  #preferred(candidates: readonly Candidate[]): Candidate | undefined {
    if (this.#session === undefined && !candidates.some(({ probe }) => probe)) return undefined;
    const usable = candidates.filter(({ availability }) => availability === 'Usable');
    const best = Math.min(...usable.map(({ priority }) => priority));
    const probe = usable.find((each) => each.probe && each.priority === best);
    return probe ?? this.#ofSession(usable);
  }

  /** The one that is to serve the session; undefined without a session. */
  #ofSession(candidates: readonly Candidate[]): Candidate | undefined {
    const session = this.#session;
    return session && this.#deps.pool.affinity.prefer(session, candidates);
  }

  /** A probe goes where there is no cache of the session, and does not move it there. */
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
    const estimate = this.#deps.estimator.estimate(endpoint.model ?? model, size);
    const asked: AskedCall = {
      deadlineAt,
      header: limitKeys(principal, (name) => headerValue(headers, name)),
      cost: { ...estimate, outputTokens: Math.min(estimate.outputTokens, maxTokens) },
      credential,
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

/** How often a request may move on. */
function maxMoves({ retry }: InForce['content']): number {
  return retry?.maxAttempts ?? 1;
}

/** Nobody reads this: the client is gone, or the process leaves. */
const LEFT: Rejection = { reason: 'Timeout', target: '', retryAfterMs: 0 };

function refused({ dependency, credential }: Member, rejection: Rejection): Refused {
  return { kind: 'Refused', rejection, dependency, mounted: credential.mounted };
}

function soonest(refusals: readonly Refused[]): Refused {
  return refusals.reduce((a, b) => (b.rejection.retryAfterMs < a.rejection.retryAfterMs ? b : a));
}
