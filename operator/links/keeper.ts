import type { Logger } from 'pino';
import type { Report } from '../../contract/generated/types.ts';
import type { Clock } from '../kube/clock.ts';
import type { ClientCredentials } from './authority.ts';
import { fullJitter } from './backoff.ts';
import type { Dial } from './dial.ts';
import type { ReviewedIdentity } from './identity.ts';
import { type CloseReason, type Closure, Link, type LinkTiming } from './link.ts';
import type { HelloFacts } from './report.ts';
import type { Slots } from './slots.ts';
import type { PodTarget } from './target.ts';

export interface KeeperTiming extends LinkTiming {
  /** Bounds of the backoff between two dials. */
  baseMs: number;
  maxMs: number;
  /** A link that lasted this long counts as a success and resets the backoff. */
  stableMs: number;
}

/** What all keepers share. */
export interface KeeperContext {
  credentials: () => ClientCredentials;
  dial: Dial;
  reviewToken: (token: string) => Promise<ReviewedIdentity | undefined>;
  slots: Slots;
  clock: Clock;
  random: () => number;
  timing: KeeperTiming;
  logger: Pick<Logger, 'debug' | 'info' | 'warn'>;
}

export interface KeeperEvents {
  term(): number;
  onConnected(hello: HelloFacts): void;
  onReport(report: Report): void;
  onClosed(closure: Closure): void;
}

/** Waiting: for an address, for its turn, or for the backoff to pass. */
export type KeeperState =
  'Waiting' | 'Connecting' | 'Authenticating' | 'Connected' | 'Incompatible';

/** Reasons that an operator of the cluster should look at. */
const SUSPICIOUS: ReadonlySet<CloseReason> = new Set(['Refused', 'Malformed', 'Incompatible']);
/** Reasons that are usual while a pod starts or ends. */
const USUAL: ReadonlySet<CloseReason> = new Set(['Unreachable', 'Unwanted']);

/** Keeps a link to one pod: dials, and dials again with backoff, until it is stopped. */
export class Keeper {
  readonly #target: PodTarget;
  readonly #ip: string;
  readonly #context: KeeperContext;
  readonly #events: KeeperEvents;
  #link: Link | undefined;
  #attempt = 0;
  #connectedAt: number | undefined;
  #incompatible = false;
  #stopped = false;
  #release: () => void = () => undefined;
  #cancelRetry: () => void = () => undefined;

  /** @param target must have an address */
  constructor(target: PodTarget & { ip: string }, context: KeeperContext, events: KeeperEvents) {
    this.#target = target;
    this.#ip = target.ip;
    this.#context = context;
    this.#events = events;
  }

  get state(): KeeperState {
    const state = this.#link?.state ?? 'Closed';
    if (state !== 'Closed') return state;
    return this.#incompatible ? 'Incompatible' : 'Waiting';
  }

  start(): void {
    this.#release = this.#context.slots.take(() => this.#dial());
  }

  /** Ends the link and never dials again. */
  stop(): void {
    this.#stopped = true;
    this.#cancelRetry();
    this.#link?.drop();
    this.#release();
  }

  announce(term: number): void {
    this.#link?.announce(term);
  }

  send(configure: string): void {
    this.#link?.send(configure);
  }

  #dial(): void {
    const { credentials, dial, reviewToken, clock, random, timing } = this.#context;
    this.#link = new Link({
      target: this.#target,
      ip: this.#ip,
      credentials: credentials(),
      dial,
      reviewToken,
      clock,
      random,
      timing,
      term: () => this.#events.term(),
      events: {
        onConnected: (hello) => this.#connected(hello),
        onReport: (report) => this.#events.onReport(report),
        onClosed: (closure) => this.#closed(closure),
      },
    });
  }

  #connected(hello: HelloFacts): void {
    this.#release();
    this.#connectedAt = this.#context.clock.monotonic();
    this.#incompatible = false;
    const { runtimeVersion, boot } = hello;
    this.#context.logger.info({ ...this.#names(), runtimeVersion, boot }, 'Link opened');
    this.#events.onConnected(hello);
  }

  #closed(closure: Closure): void {
    this.#release();
    this.#log(closure);
    const { clock, timing } = this.#context;
    const lasted = this.#connectedAt === undefined ? 0 : clock.monotonic() - this.#connectedAt;
    if (lasted >= timing.stableMs) this.#attempt = 0;
    this.#connectedAt = undefined;
    this.#incompatible = closure.reason === 'Incompatible';
    this.#events.onClosed(closure);
    if (!this.#stopped) this.#cancelRetry = clock.after(this.#delay(), () => this.start());
  }

  /** Another version does not go away by asking often. */
  #delay(): number {
    const { random, timing } = this.#context;
    if (this.#incompatible) return (timing.maxMs * (1 + random())) / 2;
    const delay = fullJitter(this.#attempt, timing, random());
    this.#attempt += 1;
    return delay;
  }

  #log({ reason, message }: Closure): void {
    const fields = { ...this.#names(), reason, detail: message };
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
