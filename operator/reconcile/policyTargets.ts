import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import type { Share } from '../desired/policies/kindJoin.ts';
import { Blocks } from '../status/blocks.ts';

/** How one agent stands with a policy that targets it. */
export interface TargetState<S> {
  /** Whether the agent's configuration has the current version of the policy. */
  inForce: boolean;
  /** Whether this leader's first attempt to reach one of the pods has not ended. */
  pending: boolean;
  /** Milliseconds to wait until pods have had time to report; 0: none. */
  waitMs: number;
  /** Milliseconds until a pod that lost its link no longer counts as connected; 0: there is no such pod. */
  graceMs: number;
  /** It changes without a notification, so every update computes it anew. */
  recheck: boolean;
  /** Reports of the agent's pods on the policy; absent unless the policy is in force and nothing is pending. */
  summary?: S;
}

export interface TargetSource<S> {
  /** Sections of the agent that the policy won and lost; a new object after each change. */
  shareOf(agent: string): Share | undefined;
  stateOf(agent: string, share: Share): TargetState<S>;
}

/** How all targets together stand with a policy. */
export interface Targets<S> extends Omit<TargetState<S>, 'recheck' | 'summary'> {
  /** Whether no agent waits for the next update. Nothing else holds before that. */
  complete: boolean;
  summary: () => S;
}

/** Pause per target after a computation. It is some fifty times what the computation takes, and any target's change asks for one. */
const PAUSE_MS_PER_TARGET = 0.2;
/** A policy with fewer targets has no pause. */
const MANY = 100;
/** An update computes the state of so many changed agents at most. They take it some 25 ms. */
const MOST_AT_ONCE = 250;

/** The agents that a policy targets. An update computes the state of those alone that have changed. */
export class PolicyTargets<S> {
  readonly #merge: (parts: readonly S[]) => S;
  readonly #shares = new Map<string, Share>();
  readonly #notInForce = new Set<string>();
  readonly #pending = new Set<string>();
  readonly #rechecked = new Map<string, TargetState<S>>();
  /** Agents whose state must be computed anew. */
  readonly #due = new Set<string>();
  #summaries: Blocks<S>;
  #policy: Policy | undefined;
  #attachment: PolicyAttachment | undefined;
  /** Monotonic milliseconds of the last complete update. */
  #updatedAt = -Infinity;

  /** @param merge gets the summaries in the order of the agents' names */
  constructor(merge: (parts: readonly S[]) => S) {
    this.#merge = merge;
    this.#summaries = new Blocks(merge);
  }

  /** Must be called after each change of an agent. */
  changed(agent: string): void {
    if (this.#shares.has(agent)) this.#due.add(agent);
  }

  /** Time left of the pause after the last complete update. */
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
    for (const agent of new Set([...due, ...this.#rechecked.keys()])) {
      this.#setState(agent, source.stateOf(agent, this.#shares.get(agent)!));
      this.#due.delete(agent);
    }
    const complete = this.#due.size === 0;
    if (complete) this.#updatedAt = now;
    const rechecked = [...this.#rechecked.values()];
    const graces = rechecked.map(({ graceMs }) => graceMs).filter((ms) => ms > 0);
    return {
      complete,
      inForce: this.#notInForce.size === 0,
      pending: this.#pending.size > 0,
      waitMs: rechecked.reduce((most, { waitMs }) => Math.max(most, waitMs), 0),
      graceMs: graces.length > 0 ? Math.min(...graces) : 0,
      summary: () => this.#summaries.total(),
    };
  }

  #setState(agent: string, state: TargetState<S>): void {
    setMember(this.#notInForce, agent, !state.inForce);
    setMember(this.#pending, agent, state.pending);
    if (state.recheck) this.#rechecked.set(agent, state);
    else this.#rechecked.delete(agent);
    if (state.summary) this.#summaries.set(agent, state.summary);
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
    this.#notInForce.delete(agent);
    this.#pending.delete(agent);
    this.#rechecked.delete(agent);
    this.#summaries.delete(agent);
  }

  #forgetAll(): void {
    for (const all of [this.#shares, this.#due, this.#notInForce, this.#pending]) all.clear();
    this.#rechecked.clear();
    this.#summaries = new Blocks(this.#merge);
    this.#attachment = undefined;
  }
}

function isSameVersion({ metadata }: Policy, before: Policy | undefined): boolean {
  return (
    metadata.uid === before?.metadata.uid && metadata.generation === before?.metadata.generation
  );
}

function setMember(set: Set<string>, name: string, isMember: boolean): void {
  if (isMember) set.add(name);
  else set.delete(name);
}
