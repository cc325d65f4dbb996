import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { INBOUND } from '../../../contract/link.ts';
import type { MissingTarget, Policy, Section } from './attachment.ts';
import { dependenciesOf, mayDependOn } from '../common/dependencies.ts';
import { byText } from '../common/wording.ts';

/** How specifically a policy names a section. The lower number wins. */
export const SPECIFICITY = { section: 0, name: 1, selector: 2 } as const;
export type Specificity = (typeof SPECIFICITY)[keyof typeof SPECIFICITY];

/** A policy's claim to be in force on a section. */
export interface Claim extends Section {
  policy: Policy;
  specificity: Specificity;
}

/**
 * The sections of an agent that a policy claims, with one claim each: if the policy names a section in two ways, the more
 * specific one counts. Empty if the policy does not target the agent.
 */
export function claimsOn(policy: Policy, agent: AgentDeployment): Claim[] {
  const { name } = agent.metadata;
  const { targetRefs = [], targetSelectors = [] } = policy.spec;
  const found = new Map<string, Claim>();
  const claim = (section: string, specificity: Specificity): void => {
    const known = found.get(section)?.specificity ?? specificity;
    const best = specificity < known ? specificity : known;
    found.set(section, { policy, agent: name, section, specificity: best });
  };
  const claimAll = (specificity: Specificity): void =>
    sectionsOf(policy, agent).forEach((section) => claim(section, specificity));
  for (const { sectionName } of targetRefs.filter((ref) => ref.name === name)) {
    if (sectionName === undefined) claimAll(SPECIFICITY.name);
    else if (mayDependOn(agent, sectionName)) claim(sectionName, SPECIFICITY.section);
  }
  if (targetSelectors.some(({ matchLabels }) => matches(agent, matchLabels))) {
    claimAll(SPECIFICITY.selector);
  }
  return [...found.values()];
}

/** Targets of a policy that do not exist, in the order of its spec. */
export function missingTargets(
  { spec }: Policy,
  agents: { get(name: string): AgentDeployment | undefined },
): MissingTarget[] {
  return (spec.targetRefs ?? []).flatMap(({ name, sectionName }): MissingTarget[] => {
    const agent = agents.get(name);
    const isThere = sectionName === undefined || (agent && mayDependOn(agent, sectionName));
    if (agent && isThere) return [];
    return [{ agent: name, ...(sectionName !== undefined && { section: sectionName }) }];
  });
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

/** All sections of an agent that a policy may claim. */
function sectionsOf(policy: Policy, agent: AgentDeployment): string[] {
  return policy.kind === 'RateLimitPolicy' ? [INBOUND] : dependenciesOf(agent);
}

function matches(agent: AgentDeployment, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([key, value]) => agent.metadata.labels?.[key] === value);
}

function created(policy: Policy): string {
  return policy.metadata.creationTimestamp ?? '';
}
