import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import type { AgentObservation } from './observations.ts';
import { MAX_REASON } from './circuits.ts';
import { reportedText, reportedTime } from './reported.ts';

export type PolicyTransition = NonNullable<CircuitBreakerPolicyStatus['transitions']>[number];

const MAX_TRANSITIONS = 20;

/**
 * The policy's last transitions, newest first: those that pods remember, ended and unconnected ones too, and those
 * that status had before, so that they outlive their pod and the operator. None is there twice.
 */
export function mergeTransitions(
  policy: string,
  agents: ReadonlyMap<string, AgentObservation>,
  previous: readonly PolicyTransition[] | undefined,
): PolicyTransition[] {
  const known = new Set<string>();
  const unseen = (transition: PolicyTransition): boolean =>
    !known.has(key(transition)) && Boolean(known.add(key(transition)));
  return [...reported(policy, agents), ...(previous ?? [])]
    .filter(unseen)
    .sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
    .slice(0, MAX_TRANSITIONS);
}

/** What pods remember; of one pod the newest comes first, so that a stable sort keeps those of one moment in order. */
function reported(
  policy: string,
  agents: ReadonlyMap<string, AgentObservation>,
): PolicyTransition[] {
  return [...agents].flatMap(([agent, { pods }]) =>
    pods.flatMap(({ name: pod, snapshot }) =>
      (snapshot?.transitions ?? [])
        .toSorted((a, b) => b.sequence - a.sequence)
        .flatMap((transition) => {
          const time = reportedTime(transition.time);
          if (transition.policy !== policy || time === undefined) return [];
          const { dependency, from, to } = transition;
          const reason = reportedText(transition.reason, MAX_REASON);
          return [{ time, agent, dependency, pod, from, to, reason }];
        }),
    ),
  );
}

function key({ time, agent, dependency, pod, from, to }: PolicyTransition): string {
  return JSON.stringify([Date.parse(time), agent, dependency, pod, from, to]);
}
