import { isDeepStrictEqual } from 'node:util';
import type { Circuit, Content, Limit } from '../../../contract/generated/types.ts';
import { INBOUND } from '../../../contract/link.ts';
import { byText } from '../common/wording.ts';
import type { PolicyKind, PolicyRef } from './attachment.ts';
import { mostPods } from './limits.ts';

type Rules = Pick<Content, 'circuits' | 'limits'>;
type Sized = Parameters<typeof mostPods>[0];

/** What paused policies keep of an agent's configuration. */
export interface Held {
  /** The paused policies of the namespace. */
  policies: readonly PolicyRef[];
  /** The configuration that is in force. Absent: there is none yet, and the specs of paused policies apply. */
  inForce?: Rules;
}

export interface HeldContent {
  content: Content;
  /** Paused policies whose spec asks for something else than what is held. */
  waiting: PolicyRef[];
}

/**
 * The content with the rules of paused policies as they are in force. Where a paused policy is in force it stays in
 * force, whatever other policies ask for. Where it is not, nothing changes before it goes on.
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
    // One policy at most is in force on a target.
    const isHeld = [before[0], after[0]].some((one) => names(policies, 'RateLimitPolicy', one));
    return isHeld ? before.map((limit) => sized(limit, agent)) : after;
  });
}

/** How many pods share a limit of the fleet is of the agent, not of the policy. */
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
