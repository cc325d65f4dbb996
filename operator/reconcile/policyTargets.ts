import type { Policy, PolicyAttachment } from '../desired/policies/attachment.ts';
import type { Share } from '../desired/policies/kindJoin.ts';
import { Blocks } from '../status/blocks.ts';

/** What one target was found to be. */
export interface Look<S> {
  /** Whether the agent runs, or is about to be told, the policy as it is now. */
  inForce: boolean;
  /** Whether a first attempt to reach one of its pods has not ended. */
  pending: boolean;
  /** Milliseconds for which it is too early to say anything of the agent; 0 when it is not. */
  earlyMs: number;
  /** Milliseconds until a pod that lost its link no longer counts as connected; 0 when there is none. */
  graceMs: number;
  /** It changes with time or without news, so that it is looked at each time. */
  passes: boolean;
  /** What its pods say of the policy; only of one in force that is not pending. */
  seen?: S;
}

export interface TargetSource<S> {
  /** What the policy comes to on the agent; another object after a change of that. */
  shareOf(agent: string): Share | undefined;
  look(agent: string, share: Share): Look<S>;
}

/** What all targets come to. */
export interface Targets<S> extends Omit<Look<S>, 'passes' | 'seen'> {
  /** What all pods say of the policy. */
  seen: () => S;
}

/**
 * After a look at a policy for many agents it is left alone for so long per agent, which is some fifty times what the look
 * takes: news of any of them is news of the policy.
 */
const REST_MS_PER_TARGET = 0.2;
/** A policy for fewer agents is never left alone. */
const MANY = 100;

/** The agents that a policy is for, each looked at again only after there was news of it. */
export class PolicyTargets<S> {
  readonly #merge: (parts: readonly S[]) => S;
  readonly #shares = new Map<string, Share>();
  readonly #notInForce = new Set<string>();
  readonly #pending = new Set<string>();
  readonly #passing = new Map<string, Look<S>>();
  /** To be looked at again. */
  readonly #due = new Set<string>();
  #seen: Blocks<S>;
  #policy: Policy | undefined;
  #attachment: PolicyAttachment | undefined;
  /** Of the last look; monotonic milliseconds. */
  #lookedAt = -Infinity;

  /** @param merge of what is seen of agents in the order of their names */
  constructor(merge: (parts: readonly S[]) => S) {
    this.#merge = merge;
    this.#seen = new Blocks(merge);
  }

  /** There is news of an agent. */
  changed(agent: string): void {
    if (this.#shares.has(agent)) this.#due.add(agent);
  }

  /** How long after the last look the policy is to be left alone yet. */
  restMs(now: number): number {
    const { size } = this.#shares;
    return size < MANY ? 0 : Math.max(0, this.#lookedAt + size * REST_MS_PER_TARGET - now);
  }

  /** @param now monotonic milliseconds */
  update(attachment: PolicyAttachment, source: TargetSource<S>, now: number): Targets<S> {
    this.#lookedAt = now;
    const { policy, targets } = attachment;
    if (!asksTheSame(policy, this.#policy)) this.#forgetAll();
    if (attachment !== this.#attachment) this.#setTargets(targets, source);
    this.#policy = policy;
    this.#attachment = attachment;
    for (const agent of new Set([...this.#due, ...this.#passing.keys()])) {
      this.#take(agent, source.look(agent, this.#shares.get(agent)!));
      this.#due.delete(agent);
    }
    const passing = [...this.#passing.values()];
    const graces = passing.map(({ graceMs }) => graceMs).filter((ms) => ms > 0);
    return {
      inForce: this.#notInForce.size === 0,
      pending: this.#pending.size > 0,
      earlyMs: passing.reduce((most, { earlyMs }) => Math.max(most, earlyMs), 0),
      graceMs: graces.length > 0 ? Math.min(...graces) : 0,
      seen: () => this.#seen.total(),
    };
  }

  #take(agent: string, look: Look<S>): void {
    put(this.#notInForce, agent, !look.inForce);
    put(this.#pending, agent, look.pending);
    if (look.passes) this.#passing.set(agent, look);
    else this.#passing.delete(agent);
    if (look.seen) this.#seen.set(agent, look.seen);
    else this.#seen.delete(agent);
  }

  /** Those that are new, and those of which something else is in force, are due; those that are gone are forgotten. */
  #setTargets(targets: readonly string[], source: TargetSource<S>): void {
    const there = new Set(targets);
    for (const agent of this.#shares.keys()) if (!there.has(agent)) this.#forget(agent);
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
    this.#passing.delete(agent);
    this.#seen.delete(agent);
  }

  #forgetAll(): void {
    for (const all of [this.#shares, this.#due, this.#notInForce, this.#pending, this.#passing]) {
      all.clear();
    }
    this.#seen = new Blocks(this.#merge);
    this.#attachment = undefined;
  }
}

/** Whether a version of a policy asks for the same as the one before. */
function asksTheSame({ metadata }: Policy, before: Policy | undefined): boolean {
  return (
    metadata.uid === before?.metadata.uid && metadata.generation === before?.metadata.generation
  );
}

function put(set: Set<string>, name: string, isIn: boolean): void {
  if (isIn) set.add(name);
  else set.delete(name);
}
