import type { Logger } from 'pino';
import type { Report } from '../../contract/generated/types.ts';
import { backoff } from '../kube/backoff.ts';
import type { Clock } from '../kube/clock.ts';
import type { Attempt, AttemptQueue } from './attemptQueue.ts';
import type { ClientCredentials } from './authority.ts';
import type { Dial } from './dial.ts';
import { type CloseReason, type Closure, Link, type LinkTiming } from './link.ts';
import type { HelloFacts } from './report.ts';
import { ReportBudget, type ReportLimits } from './reportBudget.ts';
import type { PodTarget } from './target.ts';
import type { ReviewToken } from './tokenReviews.ts';

export interface PersistentLinkTiming extends LinkTiming {
  /** Time for which a handshake keeps its place. Then it moves to `slowHandshakes`, if that has room. */
  placeMs: number;
  /** Bounds of the backoff between two attempts. */
  baseMs: number;
  maxMs: number;
  /** A link of this duration counts as a success and resets the backoff. */
  stableMs: number;
  /** For how long a pod that exceeded its report budget is not dialled. */
  excessMs: number;
}

/** Options that all links share. */
export interface LinkContext {
  credentials: () => ClientCredentials;
  dial: Dial;
  reviewToken: ReviewToken;
  /** Attempts that wait for a pod to accept a connection: cheap, but slow if the pod is dead. */
  connects: AttemptQueue;
  /** Attempts from the TLS handshake to the token review, which cost CPU time on both sides. */
  handshakes: AttemptQueue;
  /**
   * Handshakes that take long, because the pod hangs or all is slow. Their number is bounded too: more concurrent ones would
   * slow a busy machine down, until none ends in time.
   */
  slowHandshakes: AttemptQueue;
  clock: Clock;
  random: () => number;
  timing: PersistentLinkTiming;
  /** Interval at which pods are to report figures. */
  reportEveryMs: () => number;
  /** Limits of what each pod may send. */
  limits: ReportLimits;
  logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
}

export interface PersistentLinkEvents {
  term(): number;
  /** Whether the pod's process must have ended by now. */
  hasEnded(): boolean;
  onConnected(hello: HelloFacts): void;
  onReport(report: Report): void;
  /** @param failures how many attempts in a row failed, this one included */
  onClosed(closure: Closure, failures: number): void;
}

/** Waiting: for a place, or for the end of the backoff. */
export type PersistentLinkState =
  'Waiting' | 'Connecting' | 'Authenticating' | 'Connected' | 'Incompatible' | 'Excessive';

const NOTHING = (): void => undefined;

/** Reasons that an administrator should investigate. */
const SUSPICIOUS: ReadonlySet<CloseReason> = new Set([
  'Refused',
  'Malformed',
  'Excessive',
  'Incompatible',
]);
/** Greatest logged length of a peer's text. */
const MAX_LOGGED = 256;
/** Reasons that are usual while a pod starts or ends. */
const USUAL: ReadonlySet<CloseReason> = new Set(['Unreachable', 'Unwanted']);

/** Keeps one pod linked: dials, and redials with backoff, until it is stopped or the pod has ended. */
export class PersistentLink {
  readonly #target: PodTarget;
  readonly #addresses: readonly string[];
  /** Index of the address that is dialled next. */
  #next = 0;
  readonly #context: LinkContext;
  readonly #events: PersistentLinkEvents;
  #link: Link | undefined;
  /** Consecutive attempts without a link, or with one that did not last. */
  #failures = 0;
  /** Attempts in a row that ran out of time. */
  #timeouts = 0;
  #connectedAt: number | undefined;
  #incompatible = false;
  #excessive = false;
  readonly #budget: ReportBudget;
  #stopped = false;
  #leaveQueue: () => void = NOTHING;
  #cancelRetry: () => void = NOTHING;

  constructor(
    target: PodTarget,
    addresses: readonly string[],
    context: LinkContext,
    events: PersistentLinkEvents,
  ) {
    this.#target = target;
    this.#addresses = addresses;
    this.#context = context;
    this.#events = events;
    this.#budget = new ReportBudget(context.limits, context.clock);
  }

  get state(): PersistentLinkState {
    const state = this.#link?.state ?? 'Closed';
    if (state !== 'Closed') return state;
    if (this.#excessive) return 'Excessive';
    return this.#incompatible ? 'Incompatible' : 'Waiting';
  }

  start(): void {
    this.#excessive = false;
    if (this.#events.hasEnded()) return;
    this.#leaveQueue = this.#context.connects.take(this.#attempt, () => this.#dial());
  }

  /** Ends the link and never dials again. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry();
    this.#link?.drop();
    this.#leaveQueue();
  }

  /** The pod may be reachable now: dials at once, as a first attempt. */
  retryNow(): void {
    this.#failures = 0;
    this.#timeouts = 0;
    if (this.state !== 'Waiting') return;
    this.#cancelRetry();
    this.#leaveQueue();
    this.start();
  }

  announce(term: number): void {
    this.#link?.announce(term);
  }

  send(configure: string): void {
    this.#link?.send(configure);
  }

  get #attempt(): Attempt {
    const { namespace } = this.#target;
    return { namespace, failures: this.#failures, timeouts: this.#timeouts };
  }

  #dial(): void {
    const { credentials, ...context } = this.#context;
    const { dial, reviewToken, clock, random, timing, reportEveryMs } = context;
    const link = new Link({
      target: { ...this.#target, ip: this.#addresses[this.#next]! },
      credentials: credentials(),
      dial,
      reviewToken,
      clock,
      random,
      budget: this.#budget,
      timing,
      term: () => this.#events.term(),
      reportEveryMs,
      events: {
        onReached: () => this.#reached(link),
        onConnected: (hello) => this.#connected(hello),
        onReport: (report) => this.#events.onReport(report),
        onClosed: (closure) => this.#closed(closure),
      },
    });
    this.#link = link;
  }

  /** Keeps the place among connects until the handshake begins. This bounds the open connections that wait. */
  #reached(link: Link): void {
    const { handshakes, slowHandshakes, clock, timing } = this.#context;
    const attempt = this.#attempt;
    const leaveConnects = this.#leaveQueue;
    let leaveSlow = (): void => undefined;
    const leaveHandshakes = handshakes.take(attempt, () => {
      leaveConnects();
      leaveSlow = clock.after(timing.placeMs, () => {
        leaveSlow = slowHandshakes.take(attempt, () => leaveHandshakes());
      });
      link.handshake();
    });
    this.#leaveQueue = () => {
      leaveConnects();
      leaveHandshakes();
      leaveSlow();
    };
  }

  #connected(hello: HelloFacts): void {
    this.#leaveQueue();
    // The old one would keep what the handshake needed.
    this.#leaveQueue = NOTHING;
    this.#connectedAt = this.#context.clock.monotonic();
    this.#incompatible = false;
    const runtimeVersion = hello.runtimeVersion.slice(0, MAX_LOGGED);
    const boot = hello.boot.slice(0, MAX_LOGGED);
    this.#context.logger.info({ ...this.#names(), runtimeVersion, boot }, 'Link opened');
    this.#events.onConnected(hello);
  }

  #closed(closure: Closure): void {
    this.#leaveQueue();
    this.#log(closure);
    const { clock, timing } = this.#context;
    const lasted = this.#connectedAt === undefined ? 0 : clock.monotonic() - this.#connectedAt;
    if (this.#connectedAt === undefined) this.#next = (this.#next + 1) % this.#addresses.length;
    this.#connectedAt = undefined;
    this.#incompatible = closure.reason === 'Incompatible';
    this.#excessive = closure.reason === 'Excessive';
    this.#timeouts = closure.timedOut ? this.#timeouts + 1 : 0;
    const delay = this.#delay(lasted >= timing.stableMs);
    this.#events.onClosed(closure, this.#failures);
    if (!this.#stopped) this.#cancelRetry = clock.after(delay, () => this.start());
  }

  /** @param lasted whether the link that ended was a success */
  #delay(lasted: boolean): number {
    const { random, timing } = this.#context;
    const before = lasted ? 0 : this.#failures;
    this.#failures = lasted ? 0 : before + 1;
    if (this.#excessive) {
      this.#budget.refill();
      return timing.excessMs * (1 + random() / 5);
    }
    // Frequent retries do not change the pod's version.
    if (this.#incompatible) return (timing.maxMs * (1 + random())) / 2;
    return random() * backoff(before, timing);
  }

  #log({ reason, message }: Closure): void {
    const fields = { ...this.#names(), reason, detail: message.slice(0, MAX_LOGGED) };
    const { logger } = this.#context;
    if (SUSPICIOUS.has(reason)) logger.warn(fields, 'Link refused');
    else if (USUAL.has(reason)) logger.debug(fields, 'Link closed');
    else logger.info(fields, 'Link closed');
  }

  #names(): Record<string, string> {
    const { namespace, agent, name } = this.#target;
    return { namespace, name: agent, pod: name };
  }
}
