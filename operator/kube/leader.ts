import type { Logger } from 'pino';
import type { Gauge, Registry } from 'prom-client';
import type { KubeClient } from './client.ts';
import { sleep, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { describeError, isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import { newLease, releasedLease, renewedLease, takenLease, transitionsOf } from './leaseRecord.ts';
import type { LeaseClaim } from './leaseRecord.ts';
import { gauge } from './metrics.ts';
import { Leases } from './resource.ts';
import type { Lease } from './types.ts';

/** One stretch of leadership. */
export interface LeaderTerm {
  /** Grows with every term of any elector, so it orders terms. */
  leaseTransitions: number;
  /** Aborts when the term ends, for whatever reason. */
  signal: AbortSignal;
  /**
   * Throws when the term is over. Unlike the signal it sees an event loop that was stalled until this very
   * moment: call it right before a write, see KubeClient.guarded.
   */
  assertLeading(): void;
  /** Whether the holder before gave the lease up; it may have something to hand over. */
  givenUp: boolean;
  /** Milliseconds since the term was given up because this process is to stop; undefined while it lasts, or if it was lost. */
  sinceGivenUp(): number | undefined;
}

export interface LeaderCallbacks {
  /**
   * Leads until `term.signal` aborts. When it returns a promise, the elector neither releases the lease nor
   * campaigns again before that has settled.
   */
  onStarted: (term: LeaderTerm) => Promise<void> | void;
  /** The term has ended and its work too. */
  onStopped?: () => Promise<void> | void;
}

export interface LeaderElectorOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
  /** Unique per process, not only per pod: a restarted container must not take itself for its predecessor. */
  identity: string;
  logger: Logger;
  registry: Registry;
  /** Others may take the lease when it was not renewed for so long. Default 15 s. */
  leaseDurationMs?: number;
  /** We stop leading when we could not renew for so long. Default 10 s. */
  renewDeadlineMs?: number;
  /** Default 2 s. */
  retryPeriodMs?: number;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** The term is over; nothing may be written in its name. */
export class NotLeaderError extends Error {
  constructor() {
    super('Leadership was lost');
    this.name = 'NotLeaderError';
  }
}

interface Moment {
  wall: number;
  monotonic: number;
}

/** The lease as last seen, and when it last changed. */
interface Observed {
  lease: Lease;
  changedAt: number;
}

interface Term {
  controller: AbortController;
  /** When the last renewal that succeeded was sent. */
  renewed: Moment;
  /** When it was given up. */
  givenUp?: Moment;
  work: Promise<void>;
}

/**
 * Leader election by a coordination.k8s.io Lease, as client-go does it. Candidates trust only their own
 * clock: they wait until the lease stood unchanged for its duration. The holder ends its term when the
 * larger of wall and monotonic time since its last renewal passes the deadline, since a suspended machine
 * stops the one and a clock step moves the other.
 */
export class LeaderElector {
  readonly #options: LeaderElectorOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #status: Gauge<'name'>;
  #observed?: Observed;
  /** Whether the lease that was acquired last had been given up. */
  #wasGivenUp = false;

  /** @throws Error unless leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs > 0. */
  constructor(options: LeaderElectorOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    this.#checkPeriods();
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#logger = options.logger.child({ lease: `${options.namespace}/${options.name}` });
    this.#status = gauge(options.registry, {
      name: 'leader_election_master_status',
      help: 'Whether this process holds the lease: 1 or 0',
      labelNames: ['name'],
    });
    this.#status.set({ name: options.name }, 0);
  }

  /**
   * Campaigns, leads, campaigns again, until the signal aborts; then ends its term, waits for the term's
   * work as long as the lease still holds, and releases it.
   */
  async run(signal: AbortSignal, callbacks: LeaderCallbacks): Promise<void> {
    while (!signal.aborted) {
      const sent = this.#moment();
      if (await this.#acquire(signal)) await this.#lead(sent, signal, callbacks);
      await sleep(this.#clock, this.#untilNextTry(), signal);
    }
  }

  #checkPeriods(): void {
    const [lease, renew, retry] = [
      this.#leaseDurationMs,
      this.#renewDeadlineMs,
      this.#retryPeriodMs,
    ];
    if (lease > renew && renew > retry * 1.2 && retry > 0) return;
    throw new Error(
      `Leader election needs leaseDurationMs > renewDeadlineMs > 1.2 × retryPeriodMs, got ${lease}, ${renew}, ${retry}`,
    );
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    try {
      const lease = await this.#read(signal);
      if (lease && !this.#isFree(lease)) return false;
      this.#observe(await this.#claim(lease, signal));
      this.#wasGivenUp = lease?.spec?.holderIdentity === '';
      return true;
    } catch (error) {
      if (!signal.aborted) this.#report(error, 'Lease could not be acquired');
      return false;
    }
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    const lease = await client.get(Leases, namespace, name, this.#call(signal));
    if (lease) this.#observe(lease);
    return lease;
  }

  /** The resourceVersion makes one of several candidates win. */
  #claim(lease: Lease | undefined, signal: AbortSignal): Promise<Lease> {
    const { client, namespace, name, identity } = this.#options;
    const claim: LeaseClaim = {
      namespace,
      name,
      identity,
      leaseDurationMs: this.#leaseDurationMs,
      nowMs: this.#clock.now(),
    };
    if (!lease)
      return client.create(Leases, newLease(claim, this.#observed?.lease), this.#call(signal));
    return client.replace(Leases, takenLease(lease, claim), this.#call(signal));
  }

  /** What counts is when we saw it change, by a clock that does not step: others' clocks are not ours. */
  #observe(lease: Lease): void {
    const known = this.#observed?.lease.metadata;
    const { uid, resourceVersion } = lease.metadata;
    if (known?.uid === uid && known?.resourceVersion === resourceVersion) return;
    this.#observed = { lease, changedAt: this.#clock.monotonic() };
  }

  #isFree({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity;
    return !holder || holder === this.#options.identity || this.#leftToHolder() <= 0;
  }

  /** Milliseconds until the lease that another holds may be taken. */
  #leftToHolder(): number {
    if (!this.#observed?.lease.spec?.holderIdentity) return Infinity;
    const { lease, changedAt } = this.#observed;
    const seconds = lease.spec?.leaseDurationSeconds ?? this.#leaseDurationMs / 1000;
    return changedAt + seconds * 1000 - this.#clock.monotonic();
  }

  /** The usual period, or sooner when the holder's time ends before that. */
  #untilNextTry(): number {
    const left = this.#leftToHolder();
    const period = this.#jittered();
    return left > 0 && left < period ? left + this.#random() * 100 : period;
  }

  #jittered(): number {
    return this.#retryPeriodMs * (0.8 + this.#random() * 0.4);
  }

  async #lead(sent: Moment, signal: AbortSignal, callbacks: LeaderCallbacks): Promise<void> {
    const { name } = this.#options;
    const term: Term = {
      controller: new AbortController(),
      renewed: sent,
      work: Promise.resolve(),
    };
    const leaseTransitions = transitionsOf(this.#observed!.lease);
    this.#logger.info({ leaseTransitions }, 'Leadership was acquired');
    this.#status.set({ name }, 1);
    const end = (): void => {
      if (this.#inTerm(term)) term.givenUp = this.#moment();
      this.#end(term);
    };
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    const disarm = this.#armDeadline(term);
    term.work = this.#start(term, leaseTransitions, callbacks);
    await this.#hold(term);
    this.#end(term);
    disarm();
    signal.removeEventListener('abort', end);
    await this.#finish(term, signal, callbacks);
  }

  async #start(term: Term, leaseTransitions: number, callbacks: LeaderCallbacks): Promise<void> {
    try {
      await callbacks.onStarted({
        leaseTransitions,
        signal: term.controller.signal,
        assertLeading: () => {
          if (!this.#inTerm(term)) throw new NotLeaderError();
        },
        givenUp: this.#wasGivenUp,
        sinceGivenUp: () => term.givenUp && this.#elapsed(term.givenUp),
      });
    } catch (error) {
      if (term.controller.signal.aborted) return;
      this.#logger.error(describeError(error), 'Leading failed');
      this.#end(term);
    }
  }

  /** Renews until the term ends. A lease that was deleted may be another's at once. */
  async #hold(term: Term): Promise<void> {
    const { signal } = term.controller;
    while (this.#inTerm(term)) {
      await sleep(this.#clock, this.#jittered(), signal);
      if (this.#inTerm(term)) await this.#renew(term, signal);
    }
  }

  async #renew(term: Term, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const sent = this.#moment();
    try {
      const renewal = renewedLease(this.#observed!.lease, this.#clock.now());
      const lease = await client.replace(Leases, renewal, this.#call(signal));
      // An answer that comes after the deadline comes too late.
      if (!this.#inTerm(term)) return;
      this.#observe(lease);
      term.renewed = sent;
    } catch (error) {
      if (signal.aborted) return;
      this.#report(error, 'Lease could not be renewed');
      if (isNotFound(error)) this.#end(term);
      else if (isConflict(error)) await this.#recheck(term, signal);
    }
  }

  /** Somebody wrote the lease: our own lost answer, or another holder. */
  async #recheck(term: Term, signal: AbortSignal): Promise<void> {
    try {
      const lease = await this.#read(signal);
      if (lease?.spec?.holderIdentity !== this.#options.identity) this.#end(term);
    } catch (error) {
      if (!signal.aborted) this.#report(error, 'Lease could not be read');
    }
  }

  /** Ends the term as soon as its deadline has passed, however the renewals fare. */
  #armDeadline(term: Term): () => void {
    let cancel = (): void => undefined;
    const check = (): void => {
      const left = this.#renewDeadlineMs - this.#elapsed(term.renewed);
      if (left < 0) return this.#end(term);
      cancel = this.#clock.after(left + 1, check);
    };
    check();
    return () => cancel();
  }

  #end(term: Term): void {
    if (term.controller.signal.aborted) return;
    this.#status.set({ name: this.#options.name }, 0);
    term.controller.abort(new NotLeaderError());
  }

  async #finish(term: Term, signal: AbortSignal, callbacks: LeaderCallbacks): Promise<void> {
    const left = this.#renewDeadlineMs - this.#elapsed(term.renewed);
    let drained = false;
    const work = term.work.then(() => {
      drained = true;
    });
    // Told to stop, we wait while the lease holds; having lost it, until the work has ended.
    if (signal.aborted) await this.#atMost(left, work);
    else await work;
    await this.#stopped(callbacks);
    if (!drained)
      this.#logger.warn('Work of the ended term goes on, so the lease was not released');
    else if (this.#elapsed(term.renewed) < this.#renewDeadlineMs) await this.#release();
    this.#logger.info('Leadership ended');
  }

  async #stopped({ onStopped }: LeaderCallbacks): Promise<void> {
    try {
      await onStopped?.();
    } catch (error) {
      this.#logger.error(describeError(error), 'Stopping to lead failed');
    }
  }

  /** The lease may be another's by now; the resourceVersion then makes this fail. */
  async #release(): Promise<void> {
    const { client, identity } = this.#options;
    const lease = this.#observed?.lease;
    if (lease?.spec?.holderIdentity !== identity) return;
    try {
      const released = releasedLease(lease, this.#clock.now());
      this.#observe(await client.replace(Leases, released, this.#call()));
    } catch (error) {
      this.#report(error, 'Lease could not be released');
    }
  }

  #inTerm(term: Term): boolean {
    if (!term.controller.signal.aborted && this.#elapsed(term.renewed) > this.#renewDeadlineMs) {
      this.#end(term);
    }
    return !term.controller.signal.aborted;
  }

  #moment(): Moment {
    return { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
  }

  #elapsed(since: Moment): number {
    const { wall, monotonic } = this.#moment();
    return Math.max(wall - since.wall, monotonic - since.monotonic);
  }

  #atMost(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      void work.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Half the deadline leaves time for another try. */
  #call(signal?: AbortSignal): {
    signal?: AbortSignal;
    deadlineMs: number;
    retries: 0;
    urgent: true;
  } {
    return { signal, deadlineMs: this.#renewDeadlineMs / 2, retries: 0, urgent: true };
  }

  /** Losing a race to another candidate is no failure. */
  #report(error: unknown, message: string): void {
    const lostRace = isConflict(error) || isAlreadyExists(error);
    this.#logger[lostRace ? 'debug' : 'warn'](describeError(error), message);
  }
}
