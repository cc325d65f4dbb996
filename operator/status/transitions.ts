import type { CircuitBreakerPolicyStatus } from '../../crds/generated/types.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { MAX_MODEL, MAX_REASON } from './circuits.ts';
import { reportedText, reportedTime } from './reported.ts';

export type PolicyTransition = NonNullable<CircuitBreakerPolicyStatus['transitions']>[number];

const MAX_TRANSITIONS = 20;

/**
 * The latest transitions, newest first, without duplicates. Of duplicates the first one counts: reports of pods come
 * before the former status, which may outlive the pod and the operator.
 */
export function lastTransitions(all: readonly PolicyTransition[]): PolicyTransition[] {
  const known = new Map<string, Set<string | undefined>>();
  const unseen = (transition: PolicyTransition): boolean => {
    const models = known.get(key(transition)) ?? new Set();
    known.set(key(transition), models);
    // An entry without a model is from when the endpoint had only one.
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

/** Transitions that pods report, also ended and unconnected pods. The newest of a pod comes first, so that a stable sort keeps the order at equal times. */
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

/** Dependencies with more than one model in the pods' reports. */
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
