import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { INBOUND } from '../../../contract/link.ts';
import type { MissingTarget, Policy, Section } from './attachment.ts';
import { dependenciesOf } from '../common/dependencies.ts';
import { byText } from '../common/wording.ts';

/** How closely a policy names a section. The lower wins. */
export const SPECIFICITY = { section: 0, name: 1, selector: 2 } as const;
export type Specificity = (typeof SPECIFICITY)[keyof typeof SPECIFICITY];

/** A policy asks to be in force on a section. */
export interface Claim extends Section {
  policy: Policy;
  specificity: Specificity;
}

export interface Claims {
  /** At most one for each section. */
  claims: Claim[];
  missing: MissingTarget[];
  /** Names of the agents that exist and are meant. */
  targets: Set<string>;
}

/** The sections that a policy claims on the agents of its namespace, and its targets that do not exist. */
export function claimsOf(policy: Policy, agents: ReadonlyMap<string, AgentDeployment>): Claims {
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

/**
 * Orders claims to one section, the winner first: sectionName before name before selector, then the older policy,
 * then by name. Source: the Gateway API's rules for conflicts, GEP-713.
 */
export function byPrecedence(a: Claim, b: Claim): number {
  return (
    a.specificity - b.specificity ||
    byText(created(a.policy), created(b.policy)) ||
    byText(a.policy.metadata.name, b.policy.metadata.name)
  );
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
  } else if (dependenciesOf(agent).includes(section)) {
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

function created(policy: Policy): string {
  return policy.metadata.creationTimestamp ?? '';
}
