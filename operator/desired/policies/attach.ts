import { isDeepStrictEqual } from 'node:util';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import { acceptedCondition, overriddenCondition } from './acceptance.ts';
import type { Attachment, LostSection, Policy, PolicyAttachment, Section } from './attachment.ts';
import { byPrecedence, claimsOf, type Claim, type Claims } from './claims.ts';
import { needsStore } from './limits.ts';
import { policyProblem } from './validity.ts';
import { byText } from '../common/wording.ts';

/** The policies of one namespace. */
export interface Policies {
  breakers: readonly CircuitBreakerPolicy[];
  limits: readonly RateLimitPolicy[];
}

/**
 * Finds which policy is in force where, for the policies and agents of one namespace. A section of a
 * CircuitBreakerPolicy is a dependency of an agent. A section of a RateLimitPolicy is `inbound` or a dependency. Of
 * all policies that claim a section, the first by byPrecedence is in force. An invalid policy claims nothing. The order
 * of the inputs does not matter.
 */
export function attach(policies: Policies, agents: readonly AgentDeployment[]): Attachment {
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

/**
 * Whether two versions of one policy claim the same sections. Then `attach` returns the same for both but for the policy
 * itself. False for an invalid version, since its condition says what is wrong.
 */
export function claimAlike(a: Policy, b: Policy): boolean {
  const reach = (policy: Policy): unknown[] => [
    policy.kind,
    policy.metadata.uid,
    policy.metadata.creationTimestamp,
    policy.spec.targetRefs,
    policy.spec.targetSelectors,
    storeOf(policy),
  ];
  return (
    isDeepStrictEqual(reach(a), reach(b)) &&
    policyProblem(a) === undefined &&
    policyProblem(b) === undefined
  );
}

/** What attachment reads of a policy to see whether an agent lacks the store that it needs. */
function storeOf(policy: Policy): unknown {
  if (policy.kind !== 'RateLimitPolicy') return undefined;
  return needsStore(policy) && policy.spec.fleet?.withoutLeader;
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
