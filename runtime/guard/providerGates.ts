import { Gates } from '../resilience/gates.ts';
import { NO_HASH } from './admission.ts';
import { isNothingLeft, isTooLarge } from './providerLimits.ts';
import { accountOf, followShares, providerGates, providerUses } from './providerReports.ts';
import type {
  GateStatus,
  ProviderGate,
  ProviderLimitShare,
  ProviderShares,
  ProviderUse,
} from '../../contract/generated/types.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { GateRejection, GateSnapshot, GateState } from '../resilience/gates.ts';
import type { Jitter } from '../resilience/jitter.ts';
import type { MustStay } from '../resilience/recentCalls.ts';
import type { AskedCall, Credential, Remaining } from './admission.ts';
import type { GuardContext } from './guardContext.ts';
import type { CallKind, CallLimits, ModelState, ModelStates } from './models.ts';
import type { Bound, Permit, PermitRefusal } from './permit.ts';
import type { ProviderLimitStatus } from './providerLimits.ts';

export const NO_CREDENTIAL: Credential = { hash: NO_HASH, mounted: true };

const REASONS = {
  RateLimited: 'RateLimited',
  SpendLimit: 'SpendLimit',
  Unauthorized: 'CredentialRefused',
} as const;

/** A call that probes no gate. */
const NO_GATES: readonly Gates[] = [];

/** Saved gate of a mounted credential. */
export interface SavedGate extends GateSnapshot {
  dependency: string;
  /** Model of a gate for rate limits. Absent: all models without a state of their own. */
  model?: string;
  /** False for the gate of calls that do not vote. */
  votes?: false;
  /** Hash of the credential. */
  credential: string;
}

/**
 * What the provider of one dependency holds back: the gates of refused credentials, the gates for rate limits of each
 * model, and the limits that it states.
 */
export class ProviderGates {
  readonly #name: string;
  readonly #context: GuardContext;
  readonly #models: ModelStates;
  readonly #jitter: Jitter;
  /** Gates of refused credentials. Gates for rate limits belong to models. */
  #gates: Gates;
  /** Calls that probe gates, and which. */
  readonly #probes = new Map<Permit, readonly Gates[]>();
  /** Hash of the mounted credential that was used last. */
  #mounted = '';

  constructor(name: string, context: GuardContext, models: ModelStates, jitter: Jitter) {
    this.#name = name;
    this.#context = context;
    this.#models = models;
    this.#jitter = jitter;
    this.#gates = this.#newGates();
  }

  /** A new mounted credential: a shut gate admits a probe with it, stated limits are forgotten. */
  useCredential(hash: string, now: number): void {
    if (hash === this.#mounted) return;
    this.#gates.replace(this.#mounted, hash, now);
    this.#models.useCredential(this.#mounted, hash, now);
    this.#mounted = hash;
  }

  /** Learns the limits that the provider states on a kind of call with a credential, given by its hash. */
  learn(
    stated: readonly Remaining[],
    credential: string,
    kind: CallKind,
    admittedAt?: number,
  ): void {
    if (stated.length === 0 || credential !== this.#mounted) return;
    this.#models.stated(kind).learn(stated, this.#context.now(), admittedAt);
  }

  /** Admits a call and returns the gates that it probes, or rejects it. */
  enter(limits: Gates, hash: string, now: number): Rejection | readonly Gates[] {
    if (this.#gates.isEmpty && limits.isEmpty) return NO_GATES;
    const probed: Gates[] = [];
    for (const gates of [this.#gates, limits]) {
      const answer = gates.enter(hash, now);
      if (answer === 'Probe') probed.push(gates);
      else if (answer !== 'Open') {
        this.cancel(probed, hash);
        return this.#rejection(answer);
      }
    }
    return probed.length === 0 ? NO_GATES : probed;
  }

  /** Gives back the places of a call that is not made. */
  cancel(probed: readonly Gates[], hash: string): void {
    for (const gates of probed) gates.probeEnded(hash, false);
  }

  /** The call of a permit probes these gates. */
  probes(permit: Permit, probed: readonly Gates[]): void {
    if (probed !== NO_GATES) this.#probes.set(permit, probed);
  }

  /** The call has ended or been served; if it probes gates, this decides them. */
  probeEnded(permit: Permit, served: boolean): void {
    if (this.#probes.size === 0) return;
    const probed = this.#probes.get(permit) ?? NO_GATES;
    this.#probes.delete(permit);
    const { hash } = permit.asked?.credential ?? NO_CREDENTIAL;
    for (const gates of probed) gates.probeEnded(hash, served);
  }

  /** A call was served. */
  accepted(state: ModelState, asked: AskedCall | undefined): void {
    const { gates } = state.limits(asked?.votes);
    if (this.#gates.isEmpty && gates.isEmpty) return;
    const { hash } = asked?.credential ?? NO_CREDENTIAL;
    this.#gates.accepted(hash);
    gates.accepted(hash);
  }

  /**
   * A call was refused for its credential. Shuts a gate, unless chance explains it or it must stay open. Returns the
   * time until the gate admits a call; 0 if it stays open.
   */
  refused(
    permit: Permit,
    refusal: PermitRefusal,
    { state, mustStay }: { state: ModelState; mustStay: MustStay },
    now: number,
  ): number {
    if (!concernsGate(permit, refusal)) return 0;
    const { reason, ms } = refusal;
    const { credential = NO_CREDENTIAL, votes } = permit.asked ?? {};
    const limitsRate = reason === 'RateLimited';
    const gates = limitsRate ? state.limits(votes).gates : this.#gates;
    const probe = this.#refuseProbe(permit, gates);
    const atOnce = this.#shutsAtOnce(permit, refusal);
    const wait = gates.refused(credential.hash, { reason, ms, probe, atOnce, mustStay }, now);
    if (wait > 0 && credential.mounted && limitsRate) this.#context.providers.ask();
    return wait;
  }

  /** Whether one refusal is enough. At the last endpoint that can serve a stated time alone is not. */
  #shutsAtOnce({ asked }: Permit, { reason, ms, stated }: PermitRefusal): boolean {
    if (reason !== 'RateLimited' || ms === undefined) return reason === 'SpendLimit';
    return asked?.others?.canServe(this.#name) !== false || isNothingLeft(stated);
  }

  /** The gates have refused a call. Returns whether it probed them; it does no more. */
  #refuseProbe(permit: Permit, gates: Gates): boolean {
    const probed = this.#probes.get(permit) ?? NO_GATES;
    if (!probed.includes(gates)) return false;
    this.#probes.set(
      permit,
      probed.filter((each) => each !== gates),
    );
    return true;
  }

  /** Whether a call goes elsewhere because of gates or stated limits, which count its need. */
  skips(credential: Credential, limits: CallLimits, now: number): boolean {
    const { stated } = limits;
    if (credential.mounted && stated?.pause(now) !== undefined) stated.skipped(now);
    return this.isShut(credential, limits, now);
  }

  /** Whether gates or stated limits hold a call back. */
  isShut({ hash, mounted }: Credential, { gates, stated }: CallLimits, now: number): boolean {
    if (mounted && stated?.pause(now) !== undefined) return true;
    return this.#gates.isShut(hash, now) || gates.isShut(hash, now);
  }

  /** Why gates or stated limits hold a call back; undefined if they do not. */
  obstacle(
    { hash, mounted }: Credential,
    { gates, stated }: CallLimits,
    now: number,
  ): Rejection['reason'] | undefined {
    const shut = this.#gates.state(hash, now) ?? gates.state(hash, now);
    if (shut) return REASONS[shut.reason];
    return mounted && stated?.pause(now) !== undefined ? 'RateLimited' : undefined;
  }

  /** Why a gate rejects a call that has waited. */
  recheck({ asked }: Permit, now: number): Rejection | undefined {
    const { hash } = asked?.credential ?? NO_CREDENTIAL;
    const { gates } = this.#models.of(asked?.model).limits(asked?.votes);
    const shut = this.#gates.state(hash, now) ?? gates.state(hash, now);
    if (shut?.until === undefined) return undefined;
    return this.#rejection({ reason: shut.reason, retryAfterMs: Math.ceil(shut.until - now) });
  }

  /** Report on the provider's limits on the mounted credential, for the leader. */
  uses(now: number): Pick<ProviderUse, 'limits' | 'gates'> {
    const dependency = this.#name;
    const mounted = this.#mounted;
    const of = { dependency, account: accountOf(mounted) };
    const states = this.#models.all();
    return {
      limits: providerUses(states, of, now),
      gates: providerGates(states, { ...of, mounted }, now),
    };
  }

  /** Applies the leader's shares of the provider's limits on the mounted credential. */
  follow({ limits, gates }: Pick<ProviderShares, 'limits' | 'gates'>, now: number): void {
    const isOurs = (each: ProviderGate | ProviderLimitShare): boolean =>
      each.dependency === this.#name && each.account === accountOf(this.#mounted);
    const ours = { limits: limits.filter(isOurs), gates: gates.filter(isOurs) };
    followShares(this.#models, ours, now);
  }

  /** Limits that the provider states, as far as they hold now. */
  limits(now: number): ProviderLimitStatus[] {
    return this.#models.all().flatMap((state) => {
      const { model } = state.circuit;
      const which = model === undefined ? {} : { model };
      const stated = state.allLimits().flatMap((limits) => limits.stated ?? []);
      const statuses = stated.flatMap((limits) => limits.status(now, this.#context.wallTime));
      return statuses.map(({ dependency, ...status }) => ({ dependency, ...which, ...status }));
    });
  }

  /** The gate of the mounted credential, or else the gate for rate limits that opens last. */
  status(now: number): GateStatus {
    const shut = this.#gates.state(this.#mounted, now);
    const { state, model } = shut ? { state: shut, model: undefined } : this.#longestPause(now);
    const until = state?.until;
    return {
      dependency: this.#name,
      ...(model !== undefined && { model }),
      gate: state?.reason ?? 'None',
      ...(until !== undefined && { until: this.#context.wallTime.format(until) }),
    };
  }

  /** The pause of any model that ends last, and the model's name. */
  #longestPause(now: number): { state?: GateState; model?: string | undefined } {
    let longest: { state?: GateState; model?: string | undefined } = {};
    const all = this.#models.all();
    for (const each of all) {
      const state = each.limits().pause(this.#mounted, now);
      const longer = (state?.until ?? now) >= (longest.state?.until ?? now);
      const model = all.length > 1 ? each.circuit.model : undefined;
      if (state !== undefined && longer) longest = { state, model };
    }
    return longest;
  }

  /** What to keep of the mounted credential's gates that are shut. */
  snapshot(now: number): SavedGate[] {
    const dependency = this.#name;
    const credential = this.#mounted;
    const key = this.#gates.snapshot(credential, now);
    const saved: SavedGate[] = key ? [{ dependency, credential, ...key }] : [];
    for (const state of this.#models.all()) {
      const { model } = state.circuit;
      const which = model === undefined ? {} : { model };
      const [answers, others] = state.allLimits();
      const gate = answers?.gates.snapshot(credential, now);
      if (gate) saved.push({ dependency, credential, ...which, ...gate });
      const other = others?.gates.snapshot(credential, now);
      if (other) saved.push({ dependency, credential, ...which, votes: false, ...other });
    }
    return saved;
  }

  /**
   * Shuts the gate as it was saved `ageMs` ago. The gate belongs to the credential that was mounted then.
   * A new credential gets a probe, as after any change of the credential.
   */
  restore(saved: SavedGate, ageMs: number, now: number): void {
    const { credential, reason, model, votes } = saved;
    if (this.#mounted !== '' && this.#mounted !== credential) return;
    this.#mounted = credential;
    const gates =
      reason === 'RateLimited' ? this.#models.restored(model)?.limits(votes).gates : this.#gates;
    gates?.restore(credential, saved, ageMs, now);
  }

  /** Opens the gates of all credentials and ends the provider's pause. */
  open(): void {
    this.#gates = this.#newGates();
    this.#probes.clear();
    this.#models.openGates();
  }

  #newGates(): Gates {
    return new Gates(() => this.#context.gates, this.#jitter);
  }

  #rejection({ reason, retryAfterMs }: Pick<GateRejection, 'reason' | 'retryAfterMs'>): Rejection {
    return { reason: REASONS[reason], target: this.#name, retryAfterMs };
  }
}

/** Whether a refusal says something about later calls with the credential. */
function concernsGate({ asked }: Permit, { reason, stated }: PermitRefusal): boolean {
  const { hash, mounted } = asked?.credential ?? NO_CREDENTIAL;
  // All clients without a credential would share one gate, so none of them shuts it.
  if (!mounted && hash === NO_HASH) return false;
  return reason !== 'RateLimited' || !isTooLarge(stated, asked);
}

/** The limits that the provider states. No call waits for them, because others use the same limits. */
export const STATED: Bound = {
  acquire: (permit, now) => {
    const stated = permit.state?.limits(permit.asked?.votes).stated;
    const rejection = stated?.acquire(permit.asked, now);
    if (rejection === undefined) permit.stated = stated;
    return rejection;
  },
  enqueue: () => undefined,
};
