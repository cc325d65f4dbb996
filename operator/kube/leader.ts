import { addAbortListener } from 'node:events';
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

/** The time of one leader. */
export interface LeaderTerm {
  /** Grows with each term of any elector, and so orders terms. */
  leaseTransitions: number;
  /** Aborts when the term ends, for whatever reason. */
  signal: AbortSignal;
  /**
   * Throws after the term. Call it right before a write; see KubeClient.guarded. Unlike the signal, it notices at once
   * that the event loop stalled beyond the deadline.
   */
  assertLeading(): void;
  /** Whether the former holder released the lease. It may have something to hand over. */
  givenUp: boolean;
  /** Milliseconds since this process began to stop during its term; undefined during the term, and after a lost one. */
  sinceGivenUp(): number | undefined;
}

export interface LeaderCallbacks {
  /**
   * Leads until `term.signal` aborts. The elector releases the lease, or campaigns again, only after the returned promise
   * has settled.
   */
  onStarted: (term: LeaderTerm) => Promise<void> | void;
  /** Called when the term and its work have ended. */
  onStopped?: () => Promise<void> | void;
}

export interface LeaderElectorOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  namespace: string;
  name: string;
  /** Unique for each process: a restarted container must not claim the term of its predecessor. */
  identity: string;
  logger: Logger;
  registry: Registry;
  /** Others may take the lease if it was not renewed for this time. Default 15 s. */
  leaseDurationMs?: number;
  /** The holder ends its term if it could not renew for this time. Default 10 s. */
  renewDeadlineMs?: number;
  /** Default 2 s. */
  retryPeriodMs?: number;
  clock?: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
}

/** The term is over, so its work must not write any more. */
export class NotLeaderError extends Error {
  constructor() {
    super('This process is no longer the leader');
    this.name = 'NotLeaderError';
  }
}

interface Moment {
  wall: number;
  monotonic: number;
}

/** The last read version of the lease, and when it last changed (monotonic). */
interface Observed {
  lease: Lease;
  changedAt: number;
}

interface Term {
  controller: AbortController;
  /** When the last successful renewal was sent. */
  renewed: Moment;
  /** When this process began to stop. */
  givenUp?: Moment;
  work: Promise<void>;
}

/**
 * Leader election by a coordination.k8s.io Lease, as in client-go. Candidates trust only their own clock: they wait until
 * the lease did not change for its duration. The holder ends its term when the time since its last renewal exceeds the
 * deadline. That time is the larger of wall and monotonic time: a suspended machine stops the monotonic clock, and a
 * clock step moves the wall clock.
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
  /** Whether the former holder had released the last acquired lease. */
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
   * Campaigns and leads in turn until the signal aborts. Then it ends its term, waits for the term's work while the lease
   * is valid, and releases the lease.
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

  /** By the resourceVersion, only one of several candidates succeeds. */
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

  /** Notes when this process saw the lease change. The times in the lease are of other clocks. */
  #observe(lease: Lease): void {
    const known = this.#observed?.lease.metadata;
    const { uid, resourceVersion } = lease.metadata;
    if (known?.uid === uid && known?.resourceVersion === resourceVersion) return;
    this.#observed = { lease, changedAt: this.#clock.monotonic() };
  }

  #isFree({ spec }: Lease): boolean {
    const holder = spec?.holderIdentity;
    return !holder || holder === this.#options.identity || this.#untilExpiry() <= 0;
  }

  /** Milliseconds until the lease of another holder expires. */
  #untilExpiry(): number {
    if (!this.#observed?.lease.spec?.holderIdentity) return Infinity;
    const { lease, changedAt } = this.#observed;
    const seconds = lease.spec?.leaseDurationSeconds ?? this.#leaseDurationMs / 1000;
    return changedAt + seconds * 1000 - this.#clock.monotonic();
  }

  /** The retry period, or less if the lease expires before. */
  #untilNextTry(): number {
    const left = this.#untilExpiry();
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
    const aborts = addAbortListener(signal, end);
    if (signal.aborted) end();
    const disarm = this.#armDeadline(term);
    term.work = this.#start(term, leaseTransitions, callbacks);
    await this.#renewUntilEnd(term);
    this.#end(term);
    disarm();
    aborts[Symbol.dispose]();
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

  async #renewUntilEnd(term: Term): Promise<void> {
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
      // A response after the deadline does not count.
      if (!this.#inTerm(term)) return;
      this.#observe(lease);
      term.renewed = sent;
    } catch (error) {
      if (signal.aborted) return;
      this.#report(error, 'Lease could not be renewed');
      // Another candidate may create a deleted lease at once.
      if (isNotFound(error)) this.#end(term);
      else if (isConflict(error)) await this.#recheck(term, signal);
    }
  }

  /** After a conflict: either the response to our own renewal was lost, or there is another holder. */
  async #recheck(term: Term, signal: AbortSignal): Promise<void> {
    try {
      const lease = await this.#read(signal);
      if (lease?.spec?.holderIdentity !== this.#options.identity) this.#end(term);
    } catch (error) {
      if (!signal.aborted) this.#report(error, 'Lease could not be read');
    }
  }

  /** Ends the term when its deadline passes, even while a renewal is under way. */
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
    // A process that stops waits while the lease is valid. One that lost the lease waits until the work has ended.
    if (signal.aborted) await this.#atMost(left, work);
    else await work;
    await this.#stopped(callbacks);
    if (!drained)
      this.#logger.warn(
        'The lease was not released, because work of the ended term goes on; it expires by itself',
      );
    else if (this.#elapsed(term.renewed) < this.#renewDeadlineMs) await this.#release();
    this.#logger.info('Leadership ended');
  }

  async #stopped({ onStopped }: LeaderCallbacks): Promise<void> {
    try {
      await onStopped?.();
    } catch (error) {
      this.#logger.error(describeError(error), 'The end of the term could not be handled');
    }
  }

  /** Fails by its resourceVersion if another process holds the lease by now. */
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

  /** With half the renew deadline, a second attempt is possible. */
  #call(signal?: AbortSignal): {
    signal?: AbortSignal;
    deadlineMs: number;
    retries: 0;
    urgent: true;
  } {
    return { signal, deadlineMs: this.#renewDeadlineMs / 2, retries: 0, urgent: true };
  }

  /** Losing to another candidate is no failure. */
  #report(error: unknown, message: string): void {
    const lostRace = isConflict(error) || isAlreadyExists(error);
    this.#logger[lostRace ? 'debug' : 'warn'](describeError(error), message);
  }
}
