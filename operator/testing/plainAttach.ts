/** The join of policies and agents as one plain function, for tests to compare attach.ts with. */
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import { dependenciesOf, mayDependOn } from '../desired/common/dependencies.ts';
import { byText } from '../desired/common/wording.ts';
import { acceptedCondition, overriddenCondition } from '../desired/policies/acceptance.ts';
import type { Policies } from '../desired/policies/attach.ts';
import type {
  Attachment,
  LostSection,
  MissingTarget,
  Policy,
  PolicyAttachment,
  Section,
} from '../desired/policies/attachment.ts';
import {
  byPrecedence,
  SPECIFICITY,
  type Claim,
  type Specificity,
} from '../desired/policies/claims.ts';
import { policyProblem } from '../desired/policies/validity.ts';

export function plainAttach(policies: Policies, agents: readonly AgentDeployment[]): Attachment {
  const byName = new Map(sorted(agents).map((agent) => [agent.metadata.name, agent]));
  const breakers = attachKind(policies.breakers, byName);
  const limits = attachKind(policies.limits, byName);
  return {
    breakers: breakers.policies,
    limits: limits.policies,
    agents: new Map(
      [...byName].map(([name, agent]) => [
        name,
        {
          agent,
          circuits: breakers.holders.get(name) ?? new Map(),
          limits: limits.holders.get(name) ?? new Map(),
        },
      ]),
    ),
  };
}

interface Attached<P extends Policy> {
  policies: PolicyAttachment<P>[];
  /** By agent, then by section. */
  holders: Map<string, Map<string, P>>;
}

function attachKind<P extends Policy>(
  policies: readonly P[],
  agents: ReadonlyMap<string, AgentDeployment>,
): Attached<P> {
  const asked = sorted(policies).map((policy) => ask(policy, agents));
  const winners = new Map<string, Claim & { policy: P }>();
  for (const claim of asked.flatMap(({ claims }) => claims)) {
    const holder = winners.get(key(claim));
    if (holder === undefined || byPrecedence(claim, holder) < 0) winners.set(key(claim), claim);
  }
  const holders = new Map<string, Map<string, P>>();
  for (const { agent, section, policy } of [...winners.values()].sort(bySection)) {
    const sections = holders.get(agent) ?? new Map<string, P>();
    holders.set(agent, sections.set(section, policy));
  }
  return { policies: asked.map((one) => result(one, winners, agents)), holders };
}

interface Asked<P extends Policy> extends Claims {
  policy: P;
  claims: (Claim & { policy: P })[];
  problem: ReturnType<typeof policyProblem>;
}

function ask<P extends Policy>(policy: P, agents: ReadonlyMap<string, AgentDeployment>): Asked<P> {
  const problem = policyProblem(policy);
  const { claims, missing, targets } = claimsOf(policy, agents);
  return {
    policy,
    problem,
    missing,
    targets,
    claims: problem === undefined ? claims.map((claim) => ({ ...claim, policy })) : [],
  };
}

function result<P extends Policy>(
  { policy, problem, claims, missing, targets: found }: Asked<P>,
  winners: ReadonlyMap<string, Claim>,
  agents: ReadonlyMap<string, AgentDeployment>,
): PolicyAttachment<P> {
  const won: Section[] = [];
  const lost: LostSection[] = [];
  for (const claim of [...claims].sort(bySection)) {
    const { agent, section } = claim;
    const winner = winners.get(key(claim))!.policy.metadata.name;
    if (winner === policy.metadata.name) won.push({ agent, section });
    else lost.push({ agent, section, winner });
  }
  const targets = [...found].sort(byText);
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

function key({ agent, section }: Section): string {
  return `${agent}/${section}`;
}

function bySection(a: Section, b: Section): number {
  return byText(a.agent, b.agent) || byText(a.section, b.section);
}

function sorted<T extends { metadata: { name: string } }>(objects: readonly T[]): T[] {
  return [...objects].sort((a, b) => byText(a.metadata.name, b.metadata.name));
}

interface Claims {
  /** At most one for each section. */
  claims: Claim[];
  missing: MissingTarget[];
  /** Names of the agents that exist and are meant. */
  targets: Set<string>;
}

/** The sections that a policy claims on the agents of its namespace, and its targets that do not exist. */
function claimsOf(policy: Policy, agents: ReadonlyMap<string, AgentDeployment>): Claims {
  const found: Claims = { claims: [], missing: [], targets: new Set() };
  for (const { name, sectionName } of policy.spec.targetRefs ?? []) {
    claimRef(found, policy, agents.get(name), name, sectionName);
  }
  for (const { matchLabels } of policy.spec.targetSelectors ?? []) {
    for (const agent of agents.values()) {
      if (matches(agent, matchLabels)) claimAll(found, policy, agent, SPECIFICITY.selector);
    }
  }
  return found;
}

function claimRef(
  found: Claims,
  policy: Policy,
  agent: AgentDeployment | undefined,
  name: string,
  section: string | undefined,
): void {
  if (agent === undefined) {
    found.missing.push(section === undefined ? { agent: name } : { agent: name, section });
  } else if (section === undefined) {
    claimAll(found, policy, agent, SPECIFICITY.name);
  } else if (mayDependOn(agent, section)) {
    claim(found, { policy, agent: name, section, specificity: SPECIFICITY.section });
  } else {
    found.missing.push({ agent: name, section });
  }
}

function claimAll(
  found: Claims,
  policy: Policy,
  agent: AgentDeployment,
  specificity: Specificity,
): void {
  const sections = policy.kind === 'RateLimitPolicy' ? [INBOUND] : dependenciesOf(agent);
  for (const section of sections) {
    claim(found, { policy, agent: agent.metadata.name, section, specificity });
  }
}

/** A policy that reaches a section in two ways claims it by the closer one. */
function claim(found: Claims, wish: Claim): void {
  found.targets.add(wish.agent);
  const same = found.claims.find(
    ({ agent, section }) => agent === wish.agent && section === wish.section,
  );
  if (same === undefined) found.claims.push(wish);
  else if (wish.specificity < same.specificity) same.specificity = wish.specificity;
}

function matches(agent: AgentDeployment, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([key, value]) => agent.metadata.labels?.[key] === value);
}
