import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { ConditionDraft } from '../common/condition.ts';
import type { LostSection, MissingTarget, Policy, Section } from './attachment.ts';
import { dependenciesOf } from '../common/dependencies.ts';
import type { Problem } from '../common/errors.ts';
import { redisOf } from '../common/redis.ts';
import { list } from '../common/wording.ts';
import { clientLimits, needsStore } from './limits.ts';

/** Facts for the conditions Accepted and Overridden of one policy. */
export interface Outcome {
  policy: Policy;
  agents: { get(name: string): AgentDeployment | undefined };
  targets: readonly string[];
  won: readonly Section[];
  lost: readonly LostSection[];
  missing: readonly MissingTarget[];
  problem: Problem | undefined;
}

/** Reason of Accepted=True of a policy whose selectors match no agent. */
export const NO_TARGETS = 'NoTargets';

/** The condition Accepted. Reasons in their precedence: Invalid, TargetNotFound, StoreNotFound, ClientsUnknown, Conflicted (nothing won), NoTargets, Accepted. */
export function acceptedCondition(outcome: Outcome): ConditionDraft {
  const { problem, missing, won, lost } = outcome;
  if (problem !== undefined) {
    return accepted('False', 'Invalid', `${problem.message}. The policy is in force nowhere.`);
  }
  if (missing.length > 0) return accepted('False', 'TargetNotFound', notFound(outcome));
  const lacking = withoutStore(outcome);
  if (lacking.length > 0)
    return accepted('False', 'StoreNotFound', storeNotFound(lacking, outcome));
  const unknown = clientsUnknown(outcome);
  if (unknown !== undefined) return accepted('False', 'ClientsUnknown', unknown);
  if (won.length === 0 && lost.length > 0) {
    return accepted(
      'False',
      'Conflicted',
      `Other policies are in force on all targets of this one: ${losses(lost)}. ${ADVICE}`,
    );
  }
  const reason = outcome.targets.length === 0 ? NO_TARGETS : 'Accepted';
  return accepted('True', reason, attached(outcome));
}

/** The condition Overridden: whether another policy takes precedence on some section. */
export function overriddenCondition({ won, lost }: Outcome): ConditionDraft {
  if (lost.length === 0) {
    return draft('Overridden', 'False', 'NotOverridden', 'No other policy takes precedence.');
  }
  const reason = won.length === 0 ? 'Overridden' : 'PartiallyOverridden';
  return draft('Overridden', 'True', reason, `Another policy takes precedence: ${losses(lost)}.`);
}

const ADVICE =
  'A sectionName beats a name, a name beats a selector, and then the older policy wins; narrow one of them or delete one.';

function attached({ targets, won }: Outcome): string {
  if (targets.length === 0) {
    return 'No agent matches spec.targetSelectors. The policy applies to an agent as soon as the agent has the labels.';
  }
  const sections = [...new Set(won.map(({ section }) => section))];
  return `In force on ${list(sections)} of ${list(targets)}.`;
}

function notFound({ missing, agents, won }: Outcome): string {
  const each = missing.map(({ agent, section }) => {
    const there = agents.get(agent);
    if (there === undefined) return `There is no AgentDeployment ${agent} in this namespace.`;
    return `AgentDeployment ${agent} has no dependency ${section}; it has ${list(dependenciesOf(there))}.`;
  });
  const kept = [...new Set(won.map(({ agent }) => agent))];
  const served = kept.length === 0 ? '' : ` Meanwhile the policy is in force on ${list(kept)}.`;
  return `${[...new Set(each)].slice(0, 16).join(' ')} Correct spec.targetRefs, or create what it names.${served}`;
}

/** Agents under the policy that have no Redis for its limits. */
function withoutStore(outcome: Outcome): string[] {
  const { policy, agents } = outcome;
  if (policy.kind !== 'RateLimitPolicy' || !needsStore(policy)) return [];
  return held(outcome).filter((name) => {
    const agent = agents.get(name);
    return agent === undefined || redisOf(agent.spec) === undefined;
  });
}

/** Names of the agents on which the policy is in force. */
function held({ won }: Outcome): string[] {
  return [...new Set(won.map(({ agent }) => agent))];
}

/** Why limits by client do not tell clients apart; undefined if they do. */
function clientsUnknown(outcome: Outcome): string | undefined {
  const { policy, agents } = outcome;
  const limits = policy.kind === 'RateLimitPolicy' ? clientLimits(policy) : [];
  if (limits.length === 0) return undefined;
  const open = held(outcome).filter((name) => agents.get(name)?.spec.auth.type === 'None');
  if (open.length === 0) return undefined;
  const fields = list(limits.map((name) => `spec.limits[${name}].key`));
  return (
    `${fields} is by client, and AgentDeployment ${list(open)} has auth.type None, which knows no clients. ` +
    'Set spec.auth of the agent to type APIKeys or JWT, or name a header in key. Until then all clients share one bucket.'
  );
}

function storeNotFound(lacking: readonly string[], { policy }: Outcome): string {
  const { withoutLeader = 'SafeShare' } =
    policy.kind === 'RateLimitPolicy' ? (policy.spec.fleet ?? {}) : {};
  return (
    `spec.fleet.store is Redis, and AgentDeployment ${list(lacking)} has none. Set spec.redis of the agent. ` +
    `Until then fleet.withoutLeader (${withoutLeader}) decides for each key.`
  );
}

function losses(lost: readonly LostSection[]): string {
  const each = lost.map(({ agent, section, winner }) => `${winner} holds ${agent}/${section}`);
  return list(each);
}

function accepted(status: 'True' | 'False', reason: string, message: string): ConditionDraft {
  return draft('Accepted', status, reason, message);
}

function draft(
  type: string,
  status: 'True' | 'False',
  reason: string,
  message: string,
): ConditionDraft {
  return { type, status, reason, message };
}
