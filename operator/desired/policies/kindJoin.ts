import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { Multimap } from '../common/multimap.ts';
import { byText } from '../common/wording.ts';
import { acceptedCondition, overriddenCondition } from './acceptance.ts';
import { labelsOf, type AgentIndex } from './agentIndex.ts';
import type { LostSection, Policy, PolicyAttachment, Section } from './attachment.ts';
import { byPrecedence, claimsOn, missingTargets, type Claim } from './claims.ts';
import { policyProblem } from './validity.ts';

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
 * the policies that target that agent. So a change makes only the affected agents due. The next lookup decides them, once
 * for all changes before it.
 */
export class KindJoin<P extends Policy> {
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
  /** Agents whose winners must be decided anew. */
  readonly #due = new Set<string>();

  constructor(agents: AgentIndex) {
    this.#agents = agents;
  }

  get size(): number {
    return this.#policies.size;
  }

  /** Must be called after the agent was added, deleted or changed in the index. */
  agentChanged(name: string): void {
    this.#due.add(name);
    for (const policy of this.#byRef.get(name)) this.#outdate(policy);
  }

  set(policy: P): void {
    const { name } = policy.metadata;
    const problem = policyProblem(policy);
    this.delete(name);
    this.#policies.set(name, { policy, problem, shares: new Map() });
    for (const agent of refsOf(policy)) this.#byRef.add(agent, name);
    for (const label of selectedBy(policy)) this.#byLabel.add(label, name);
    for (const agent of this.#possibleTargets(policy)) this.#due.add(agent);
  }

  delete(name: string): void {
    const known = this.#policies.get(name);
    if (known === undefined) return;
    this.#policies.delete(name);
    for (const agent of refsOf(known.policy)) this.#byRef.delete(agent, name);
    for (const label of selectedBy(known.policy)) this.#byLabel.delete(label, name);
    for (const agent of known.shares.keys()) this.#due.add(agent);
  }

  /** Replaces a policy by a version that claims the same; undefined if the policy is unknown. */
  replace(policy: P): PolicyAttachment<P> | undefined {
    const { name, uid } = policy.metadata;
    const known = this.#policies.get(name);
    if (known === undefined || known.policy.metadata.uid !== uid) return undefined;
    known.policy = policy;
    const attachment = this.get(name)!;
    attachment.policy = policy;
    return attachment;
  }

  get(name: string): PolicyAttachment<P> | undefined {
    this.decide();
    const known = this.#policies.get(name);
    return known && (known.attachment ??= this.#attachment(known));
  }

  names(): string[] {
    return [...this.#policies.keys()].sort(byText);
  }

  /** The policies in force on an agent, by section. */
  inForceOn(agent: string): Map<string, P> {
    this.decide();
    const winners = [...(this.#winners.get(agent) ?? [])];
    return new Map(winners.map(([section, { policy }]) => [section, policy]));
  }

  /** The policy's share on an agent: the same object until a change affects the agent. */
  shareOf(policy: string, agent: string): Share | undefined {
    this.decide();
    return this.#policies.get(policy)?.shares.get(agent);
  }

  /** Names of the policies that target an agent. */
  policiesOf(agent: string): readonly string[] {
    this.decide();
    return this.lastPoliciesOf(agent);
  }

  /** Like policiesOf, but without the changes since the last lookup. */
  lastPoliciesOf(agent: string): readonly string[] {
    return this.#policiesOf.get(agent) ?? [];
  }

  /** Names of the agents that a policy targeted at the last lookup. */
  lastTargetsOf(name: string): Iterable<string> {
    return this.#policies.get(name)?.shares.keys() ?? [];
  }

  /** Decides all due agents. */
  decide(): void {
    for (const agent of this.#due) {
      this.#decideOn(agent);
      this.#due.delete(agent);
    }
  }

  #decideOn(name: string): void {
    const agent = this.#agents.get(name);
    const claims = agent ? this.#claimsOn(agent) : new Map<string, Claim[]>();
    const winners = this.#winnersOf(claims);
    for (const policy of this.lastPoliciesOf(name)) {
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
