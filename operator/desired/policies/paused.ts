import { isDeepStrictEqual } from 'node:util';
import type { Circuit, Content, Limit } from '../../../contract/generated/types.ts';
import { INBOUND } from '../../../contract/link.ts';
import { byText } from '../common/wording.ts';
import type { PolicyKind, PolicyRef } from './attachment.ts';
import { mostPods } from './limits.ts';

type Rules = Pick<Content, 'circuits' | 'limits'>;
type Sized = Parameters<typeof mostPods>[0];

/** The parts of an agent's configuration that paused policies keep. */
export interface Held {
  /** The paused policies of the namespace. */
  policies: readonly PolicyRef[];
  /** The configuration in force. Absent: none yet, and the specs of paused policies apply. */
  inForce?: Rules;
}

export interface HeldContent {
  content: Content;
  /** Paused policies whose spec differs from the rules in force. */
  waiting: PolicyRef[];
}

/**
 * Replaces the rules of paused policies by those in force. A paused policy that is in force stays so, whatever other
 * policies claim. One that is not changes nothing until it resumes.
 */
export function holdPaused(
  content: Content,
  { policies, inForce }: Held,
  agent: Sized,
): HeldContent {
  if (inForce === undefined || policies.length === 0) return { content, waiting: [] };
  const circuits = content.circuits.map((circuit) => {
    const before = inForce.circuits.find(({ dependency }) => dependency === circuit.dependency);
    const isHeld = [before, circuit].some((one) => names(policies, 'CircuitBreakerPolicy', one));
    return isHeld && before ? before : circuit;
  });
  const held = { ...content, circuits, limits: heldLimits(content, policies, inForce, agent) };
  return { content: held, waiting: policies.filter((policy) => differs(policy, content, held)) };
}

function heldLimits(
  content: Content,
  policies: readonly PolicyRef[],
  inForce: Rules,
  agent: Sized,
): Limit[] {
  const there = new Set([INBOUND, ...content.circuits.map(({ dependency }) => dependency)]);
  const at = (all: readonly Limit[], target: string): Limit[] =>
    all.filter((limit) => limit.target === target);
  return [...there].sort(byText).flatMap((target) => {
    const [before, after] = [at(inForce.limits, target), at(content.limits, target)];
    // At most one policy is in force on a target.
    const isHeld = [before[0], after[0]].some((one) => names(policies, 'RateLimitPolicy', one));
    return isHeld ? before.map((limit) => sized(limit, agent)) : after;
  });
}

/** The number of pods that share a fleet's limit comes from the agent, not from the policy. */
function sized(limit: Limit, agent: Sized): Limit {
  return limit.fleet ? { ...limit, fleet: { ...limit.fleet, maxPods: mostPods(agent) } } : limit;
}

function names(
  policies: readonly PolicyRef[],
  kind: PolicyKind,
  rule: Circuit | Limit | undefined,
): boolean {
  return policies.some((policy) => policy.kind === kind && policy.name === rule?.policy);
}

function differs(policy: PolicyRef, content: Content, held: Content): boolean {
  const rules = ({ circuits, limits }: Content): unknown =>
    (policy.kind === 'CircuitBreakerPolicy' ? circuits : limits).filter(
      (rule) => rule.policy === policy.name,
    );
  return !isDeepStrictEqual(rules(content), rules(held));
}
