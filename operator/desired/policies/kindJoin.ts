import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { Multimap } from '../common/multimap.ts';
import { byText } from '../common/wording.ts';
import { acceptedCondition, overriddenCondition } from './acceptance.ts';
import { labelsOf, type AgentIndex } from './agentIndex.ts';
import type { LostSection, Policy, PolicyAttachment, PolicyRef, Section } from './attachment.ts';
import { claimAlike, isSameVersion } from './versions.ts';
import { byPrecedence, claimsOn, missingTargets, type Claim } from './claims.ts';
import { policyProblem } from './validity.ts';

/** What a change affects, by name. */
export interface Delta {
  /** Agents to reconcile. */
  agents: string[];
  /** Policies whose status may change. */
  policies: PolicyRef[];
}

/** The sections of one agent that a policy won and lost. Both lists are sorted. */
export interface Share {
  won: readonly Section[];
  lost: readonly LostSection[];
}

interface Joined<P extends Policy> {
  policy: P;
  problem: ReturnType<typeof policyProblem>;
  /** By name of each targeted agent. */
  shares: Map<string, Share>;
  /** Computed on demand; absent after a change of a share. */
  attachment?: PolicyAttachment<P>;
}

/** A selector without labels selects every agent. */
const EVERY_LABEL = '';

/**
 * The policies of one kind in one namespace, joined with its agents. The winner of a section depends only on its agent and
 * the policies that target that agent. So a change decides only the affected agents.
 */
export class KindJoin<P extends Policy> {
  readonly #kind: P['kind'];
  readonly #agents: AgentIndex;
  readonly #policies = new Map<string, Joined<P>>();
  /** Names of policies by the name of an agent in targetRefs. */
  readonly #byRef = new Multimap<string, string>();
  /** Names of policies by the first label of a selector. */
  readonly #byLabel = new Multimap<string, string>();
  /** By agent: sorted names of the policies that target it. */
  readonly #policiesOf = new Map<string, readonly string[]>();
  /** The winning policies by agent and section. */
  readonly #winners = new Map<string, ReadonlyMap<string, Joined<P>>>();

  constructor(kind: P['kind'], agents: AgentIndex) {
    this.#kind = kind;
    this.#agents = agents;
  }

  get size(): number {
    return this.#policies.size;
  }

  /**
   * Must be called after the agent was added, deleted or changed in the index.
   * @returns the policies that target or name it, or did
   */
  agentChanged(name: string): PolicyRef[] {
    const affected = new Set(this.policiesOf(name));
    this.#decideOn(name);
    for (const policy of [...this.policiesOf(name), ...this.#byRef.get(name)]) {
      affected.add(policy);
      this.#outdate(policy);
    }
    return this.#refs(affected);
  }

  /** Takes a policy that was created, changed or deleted; see PolicyIndex. */
  apply(current: P | undefined, previous: P | undefined): Delta {
    const { name } = (current ?? previous)!.metadata;
    const known = this.#policies.get(name);
    if (known && current && previous && known.policy.metadata.uid === current.metadata.uid) {
      const isSame = isSameVersion(current, previous);
      if (isSame || claimAlike(current, previous)) {
        this.#replace(known, current);
        return isSame ? { agents: [], policies: [] } : this.#edited(name, known);
      }
    }
    return this.#set(name, current);
  }

  /** Replaces a policy by a version that claims the same. */
  #replace(known: Joined<P>, policy: P): void {
    known.policy = policy;
    if (known.attachment) known.attachment.policy = policy;
  }

  /** The reconcile of an agent enqueues the status of its policies. An agent that is being deleted is not reconciled. */
  #edited(name: string, { shares }: Joined<P>): Delta {
    const agents = [...shares.keys()];
    const isReconciled = agents.some(
      (agent) => this.#agents.get(agent)?.metadata.deletionTimestamp === undefined,
    );
    return { agents, policies: isReconciled ? [] : this.#refs([name]) };
  }

  #set(name: string, policy: P | undefined): Delta {
    const agents = new Set(this.#policies.get(name)?.shares.keys());
    const affected = new Set([name]);
    const due = new Set(agents);
    this.#delete(name);
    if (policy) for (const agent of this.#add(name, policy)) due.add(agent);
    for (const agent of due) {
      const before = this.policiesOf(agent);
      this.#decideOn(agent);
      const after = this.policiesOf(agent);
      if (after.includes(name)) agents.add(agent);
      if (agents.has(agent)) for (const each of [...before, ...after]) affected.add(each);
    }
    return { agents: [...agents], policies: this.#refs(affected) };
  }

  /** @returns names of agents that include all targets */
  #add(name: string, policy: P): Iterable<string> {
    const problem = policyProblem(policy);
    this.#policies.set(name, { policy, problem, shares: new Map() });
    for (const agent of refsOf(policy)) this.#byRef.add(agent, name);
    for (const label of selectedBy(policy)) this.#byLabel.add(label, name);
    return this.#possibleTargets(policy);
  }

  #delete(name: string): void {
    const known = this.#policies.get(name);
    if (known === undefined) return;
    this.#policies.delete(name);
    for (const agent of refsOf(known.policy)) this.#byRef.delete(agent, name);
    for (const label of selectedBy(known.policy)) this.#byLabel.delete(label, name);
  }

  #refs(names: Iterable<string>): PolicyRef[] {
    return [...names].map((name) => ({ kind: this.#kind, name }));
  }

  get(name: string): PolicyAttachment<P> | undefined {
    const known = this.#policies.get(name);
    return known && (known.attachment ??= this.#attachment(known));
  }

  names(): string[] {
    return [...this.#policies.keys()].sort(byText);
  }

  /** The policies in force on an agent, by section. */
  inForceOn(agent: string): Map<string, P> {
    const winners = [...(this.#winners.get(agent) ?? [])];
    return new Map(winners.map(([section, { policy }]) => [section, policy]));
  }

  /** The policy's share on an agent: the same object until a change affects the agent. */
  shareOf(policy: string, agent: string): Share | undefined {
    return this.#policies.get(policy)?.shares.get(agent);
  }

  /** Names of the policies that target an agent, sorted. */
  policiesOf(agent: string): readonly string[] {
    return this.#policiesOf.get(agent) ?? [];
  }

  #decideOn(name: string): void {
    const agent = this.#agents.get(name);
    const claims = agent ? this.#claimsOn(agent) : new Map<string, Claim[]>();
    const winners = this.#winnersOf(claims);
    for (const policy of this.policiesOf(name)) {
      this.#outdate(policy);
      if (!claims.has(policy)) this.#policies.get(policy)?.shares.delete(name);
    }
    for (const [policy, own] of claims) {
      const joined = this.#policies.get(policy)!;
      joined.shares.set(name, shareOf(joined, own, winners));
      this.#outdate(policy);
    }
    keep(this.#policiesOf, name, [...claims.keys()], claims.size);
    keep(this.#winners, name, winners, winners.size);
  }

  /** Claims on the agent by name of the policy, sorted. */
  #claimsOn(agent: AgentDeployment): Map<string, Claim[]> {
    const { name, labels } = agent.metadata;
    const names = new Set(this.#byRef.get(name));
    for (const label of [EVERY_LABEL, ...labelsOf(labels)]) {
      for (const policy of this.#byLabel.get(label)) names.add(policy);
    }
    return new Map(
      [...names]
        .sort(byText)
        .map((policy): [string, Claim[]] => [
          policy,
          claimsOn(this.#policies.get(policy)!.policy, agent).sort(bySection),
        ])
        .filter(([, claims]) => claims.length > 0),
    );
  }

  /** Winners by section, sorted. An invalid policy wins nothing. */
  #winnersOf(claims: ReadonlyMap<string, Claim[]>): Map<string, Joined<P>> {
    const first = new Map<string, Claim>();
    for (const [name, own] of claims) {
      if (this.#policies.get(name)!.problem !== undefined) continue;
      for (const claim of own) {
        const holder = first.get(claim.section);
        if (holder === undefined || byPrecedence(claim, holder) < 0)
          first.set(claim.section, claim);
      }
    }
    return new Map(
      [...first.values()]
        .sort(bySection)
        .map(({ section, policy }) => [section, this.#policies.get(policy.metadata.name)!]),
    );
  }

  #outdate(policy: string): void {
    delete this.#policies.get(policy)?.attachment;
  }

  /** Names of agents that include all that the policy targets. */
  #possibleTargets({ spec }: P): Iterable<string> {
    const named = (spec.targetRefs ?? []).map(({ name }) => name);
    const selected = (spec.targetSelectors ?? []).flatMap(({ matchLabels }) => [
      ...this.#agents.mayMatch(matchLabels),
    ]);
    return [...named, ...selected];
  }

  #attachment({ policy, problem, shares }: Joined<P>): PolicyAttachment<P> {
    const agents = this.#agents;
    const targets = [...shares.keys()].sort(byText);
    const won = targets.flatMap((agent) => shares.get(agent)!.won);
    const lost = targets.flatMap((agent) => shares.get(agent)!.lost);
    const missing = missingTargets(policy, agents);
    const outcome = { policy, agents, targets, won, lost, missing, problem };
    return {
      policy,
      targets,
      won,
      lost,
      missing,
      accepted: acceptedCondition(outcome),
      overridden: overriddenCondition(outcome),
    };
  }
}

function shareOf<P extends Policy>(
  joined: Joined<P>,
  claims: readonly Claim[],
  winners: ReadonlyMap<string, Joined<P>>,
): Share {
  const won: Section[] = [];
  const lost: LostSection[] = [];
  if (joined.problem !== undefined) return { won, lost };
  for (const { agent, section } of claims) {
    const winner = winners.get(section)!;
    if (winner === joined) won.push({ agent, section });
    else lost.push({ agent, section, winner: winner.policy.metadata.name });
  }
  return { won, lost };
}

const refsOf = ({ spec }: Policy): string[] => (spec.targetRefs ?? []).map(({ name }) => name);

const selectedBy = ({ spec }: Policy): string[] =>
  (spec.targetSelectors ?? []).map(({ matchLabels }) => labelsOf(matchLabels)[0] ?? EVERY_LABEL);

const bySection = (a: Section, b: Section): number => byText(a.section, b.section);

function keep<V>(map: Map<string, V>, key: string, value: V, size: number): void {
  if (size > 0) map.set(key, value);
  else map.delete(key);
}
