import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { MAX_MODEL, MAX_REASON } from './circuits.ts';
import { reportedText, reportedTime } from './reported.ts';

export type PolicyTransition = NonNullable<CircuitBreakerPolicyStatus['transitions']>[number];

const MAX_TRANSITIONS = 20;

/**
 * The last transitions, newest first, each only once. Of those that are equal, the first counts: what pods remember comes
 * before what status had before, which outlives its pod and the operator.
 */
export function lastTransitions(all: readonly PolicyTransition[]): PolicyTransition[] {
  const known = new Map<string, Set<string | undefined>>();
  const unseen = (transition: PolicyTransition): boolean => {
    const models = known.get(key(transition)) ?? new Set();
    known.set(key(transition), models);
    // Status has not named the model while there was only one.
    const isKnown = models.has(transition.model) || models.has(undefined);
    if (isKnown || (transition.model === undefined && models.size > 0)) return false;
    models.add(transition.model);
    return true;
  };
  return all
    .filter(unseen)
    .sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
    .slice(0, MAX_TRANSITIONS);
}

/** What pods remember, ended and unconnected ones too; of one pod the newest comes first, so that a stable sort keeps those of one moment in order. */
export function reportedTransitions(
  policy: string,
  agents: ReadonlyMap<string, AgentObservation>,
): PolicyTransition[] {
  return [...agents].flatMap(([agent, { pods }]) => {
    const several = dependenciesWithModels(pods);
    return pods.flatMap(({ name: pod, snapshot }) =>
      (snapshot?.transitions ?? [])
        .toSorted((a, b) => b.sequence - a.sequence)
        .flatMap((transition) => {
          const time = reportedTime(transition.time);
          if (transition.policy !== policy || time === undefined) return [];
          const { dependency, model, from, to } = transition;
          const reason = reportedText(transition.reason, MAX_REASON);
          const named = model !== undefined && several.has(dependency);
          const which = named ? { model: reportedText(model, MAX_MODEL) } : {};
          return [{ time, agent, dependency, ...which, pod, from, to, reason }];
        }),
    );
  });
}

/** Dependencies of which pods know more than one model. */
function dependenciesWithModels(pods: readonly PodObservation[]): Set<string> {
  const known = pods.flatMap(({ snapshot }) => [
    ...(snapshot?.circuits ?? []),
    ...(snapshot?.transitions ?? []),
  ]);
  const named = known.filter(({ model }) => model !== undefined);
  const byName = Map.groupBy(named, ({ dependency }) => dependency);
  const several = [...byName].filter(([, own]) => new Set(own.map(({ model }) => model)).size > 1);
  return new Set(several.map(([dependency]) => dependency));
}

function key({ time, agent, dependency, pod, from, to }: PolicyTransition): string {
  return JSON.stringify([Date.parse(time), agent, dependency, pod, from, to]);
}
