import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import type { Share } from '../desired/policies/kindJoin.ts';
import { IncrementalMerge } from '../status/incrementalMerge.ts';
import { mergeReadiness, READY, type Readiness } from './freshness.ts';

/** How one agent stands with a policy that targets it. */
export interface TargetState<S> {
  /** Whether status can tell how the agent's pods enforce the policy. */
  readiness: Readiness;
  /** The summary changes without a notification, so every update computes it anew. */
  recheck: boolean;
  /** Reports of the agent's pods on the policy; absent unless it is ready. */
  summary?: S;
}

export interface TargetSource<S> {
  /** Sections of the agent that the policy won and lost; a new object after each change. */
  shareOf(agent: string): Share | undefined;
  stateOf(agent: string, share: Share): TargetState<S>;
}

/** How all targets together stand with a policy. */
export interface Targets<S> {
  readiness: Readiness;
  summary: () => S;
}

/** Pause per target after a computation. It is some fifty times what the computation takes, and any target's change asks for one. */
const PAUSE_MS_PER_TARGET = 0.2;
/** A policy with fewer targets has no pause. */
const MANY = 100;
/** An update computes the state of so many changed agents at most. They take it some 25 ms. */
const MOST_AT_ONCE = 250;
/** Between two updates of one policy: the event loop runs. */
const NEXT_UPDATE_MS = 1;

/** The agents that a policy targets. An update computes the state of those alone that have changed. */
export class PolicyTargets<S> {
  readonly #merge: (parts: readonly S[]) => S;
  readonly #shares = new Map<string, Share>();
  /** Of agents whose readiness is more than READY. */
  readonly #readiness = new Map<string, Readiness>();
  /** Agents whose state changes with time, without a notification. */
  readonly #rechecked = new Set<string>();
  /** Agents whose state must be computed anew. */
  readonly #due = new Set<string>();
  #summaries: IncrementalMerge<S>;
  #policy: Policy | undefined;
  #attachment: PolicyAttachment | undefined;
  /** Monotonic milliseconds of the last complete update. */
  #updatedAt = -Infinity;

  /** @param merge gets the summaries in the order of the agents' names */
  constructor(merge: (parts: readonly S[]) => S) {
    this.#merge = merge;
    this.#summaries = new IncrementalMerge(merge);
  }

  /** Must be called after each change of an agent. */
  changed(agent: string): void {
    if (this.#shares.has(agent)) this.#due.add(agent);
  }

  /** Milliseconds left of the pause after the last complete update. Until then an update would cost too much. */
  pauseMs(now: number): number {
    const { size } = this.#shares;
    return size < MANY ? 0 : Math.max(0, this.#updatedAt + size * PAUSE_MS_PER_TARGET - now);
  }

  /** @param now monotonic milliseconds */
  update(attachment: PolicyAttachment, source: TargetSource<S>, now: number): Targets<S> {
    const { policy, targets } = attachment;
    if (!isSameVersion(policy, this.#policy)) this.#forgetAll();
    if (attachment !== this.#attachment) this.#setTargets(targets, source);
    this.#policy = policy;
    this.#attachment = attachment;
    const due = [...this.#due].slice(0, MOST_AT_ONCE);
    for (const agent of new Set([...due, ...this.#rechecked])) {
      this.#setState(agent, source.stateOf(agent, this.#shares.get(agent)!));
      this.#due.delete(agent);
    }
    const summary = (): S => this.#summaries.total();
    if (this.#due.size > 0) return { readiness: { ready: false, forMs: NEXT_UPDATE_MS }, summary };
    this.#updatedAt = now;
    return { readiness: mergeReadiness(this.#readiness.values()), summary };
  }

  #setState(agent: string, { readiness, recheck, summary }: TargetState<S>): void {
    if (readiness === READY) this.#readiness.delete(agent);
    else this.#readiness.set(agent, readiness);
    if (recheck || readiness.forMs < Infinity) this.#rechecked.add(agent);
    else this.#rechecked.delete(agent);
    if (summary) this.#summaries.set(agent, summary);
    else this.#summaries.delete(agent);
  }

  /** New targets and targets with another share become due. Former targets are forgotten. */
  #setTargets(targets: readonly string[], source: TargetSource<S>): void {
    const current = new Set(targets);
    for (const agent of this.#shares.keys()) if (!current.has(agent)) this.#forget(agent);
    for (const agent of targets) {
      const share = source.shareOf(agent)!;
      if (this.#shares.get(agent) === share) continue;
      this.#shares.set(agent, share);
      this.#due.add(agent);
    }
  }

  #forget(agent: string): void {
    this.#shares.delete(agent);
    this.#due.delete(agent);
    this.#readiness.delete(agent);
    this.#rechecked.delete(agent);
    this.#summaries.delete(agent);
  }

  #forgetAll(): void {
    for (const all of [this.#shares, this.#due, this.#readiness, this.#rechecked]) all.clear();
    this.#summaries = new IncrementalMerge(this.#merge);
    this.#attachment = undefined;
  }
}

function isSameVersion({ metadata }: Policy, before: Policy | undefined): boolean {
  return (
    metadata.uid === before?.metadata.uid && metadata.generation === before?.metadata.generation
  );
}
