import type { ConditionDraft } from '../desired/common/condition.ts';
import type { Policy, PolicyKind, PolicyRef, Section } from '../desired/policies/attachment.ts';
import { list, MAX_NAMED } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { reportedText } from './reported.ts';

/** Whether one pod enforces one policy. */
export interface Progress {
  pod: string;
  state: 'Programmed' | 'Refused' | 'Unsupported' | 'Pending';
  /** The refusal, the missing feature, or what the pod waits for; of a programmed pod, another configuration that it refused. */
  detail?: string;
}

const MAX_DETAIL = 512;

/** Where the configuration has the rules of each kind. Policies of two kinds may have the same name. */
const PARTS: Record<PolicyKind, string> = {
  CircuitBreakerPolicy: 'circuits',
  RateLimitPolicy: 'limits',
};

/**
 * Whether each live pod of the agent enforces the policy. A pod is programmed if it is connected, runs the desired
 * configuration and supports all of the policy.
 */
export function progressOf(observation: AgentObservation, policy: PolicyRef): Progress[] {
  return livePods(observation).map((pod) => podProgress(pod, observation, policy));
}

function podProgress(
  pod: PodObservation,
  observation: AgentObservation,
  policy: PolicyRef,
): Progress {
  const { name, snapshot } = pod;
  if (!pod.connected || snapshot === undefined) {
    return { pod: name, state: 'Pending', detail: pod.linkError ?? 'has no link to the operator' };
  }
  const refusal = refusalOf(pod, observation.desiredHash);
  if (refusal !== undefined) return { pod: name, state: 'Refused', detail: refusal };
  const pending = pendingDetail(pod, observation, policy);
  if (pending !== undefined) return { pod: name, state: 'Pending', detail: pending };
  const missing = snapshot.configuration.unsupported.find(
    (element) =>
      element.policy === policy.name && element.path.startsWith(`/${PARTS[policy.kind]}`),
  );
  if (missing !== undefined) {
    return { pod: name, state: 'Unsupported', detail: reportedText(missing.feature, MAX_DETAIL) };
  }
  const refused = snapshot.configuration.refused;
  return {
    pod: name,
    state: 'Programmed',
    ...(refused && {
      detail: `${refused.source}: ${reportedText(refused.message, MAX_DETAIL)}`,
    }),
  };
}

function pendingDetail(
  pod: PodObservation,
  { desiredHash, paused }: AgentObservation,
  policy: PolicyRef,
): string | undefined {
  if (desiredHash === undefined || pod.hash !== desiredHash) {
    return `runs an earlier configuration${paused ? ', because its agent is paused' : ''}`;
  }
  const parts = pod.snapshot?.configuration.waiting;
  return parts?.includes(PARTS[policy.kind])
    ? 'lacks a mount for it and waits for the rollout'
    : undefined;
}

/** Why a connected pod refused the desired configuration; undefined if it did not. */
export function refusalOf(
  pod: PodObservation,
  desiredHash: string | undefined,
): string | undefined {
  const refused = pod.connected ? pod.snapshot?.configuration.refused : undefined;
  if (refused === undefined || pod.hash === desiredHash) return undefined;
  if (refused.hash !== undefined && refused.hash !== desiredHash) return undefined;
  return reportedText(refused.message, MAX_DETAIL);
}

type ProgressState = Progress['state'];

/** Pods in the same state: their number and the first names. */
interface Named {
  count: number;
  names: readonly string[];
}

/** Summary of the pods' progress with a policy. */
export type ProgressSummary = Record<ProgressState, NamedByDetail>;

interface NamedByDetail extends Named {
  /** In the order of the first pod with each detail. */
  byDetail: ReadonlyMap<string | undefined, Named>;
}

/** Shared by all agents to save memory. */
const NO_PODS: NamedByDetail = { count: 0, names: [], byDetail: new Map() };

const STATES: readonly ProgressState[] = ['Programmed', 'Refused', 'Unsupported', 'Pending'];

/** Summarises every live pod of every agent where the policy is in force. */
export function progressIn(
  { kind, metadata }: Policy,
  won: readonly Section[],
  agents: ReadonlyMap<string, AgentObservation>,
): ProgressSummary {
  const ref = { kind, name: metadata.name };
  const all = [...new Set(won.map(({ agent }) => agent))].flatMap((agent) => {
    const observation = agents.get(agent);
    return observation === undefined ? [] : progressOf(observation, ref);
  });
  return summarizeProgress(all);
}

export function summarizeProgress(all: readonly Progress[]): ProgressSummary {
  return byState((state) => {
    const those = all.filter((one) => one.state === state);
    if (those.length === 0) return NO_PODS;
    const byDetail = Map.groupBy(those, ({ detail }) => detail);
    return {
      ...named(those),
      byDetail: new Map([...byDetail].map(([detail, same]) => [detail, named(same)])),
    };
  });
}

/** Merges the summaries of agents, in their order. */
export function mergeProgress(parts: readonly ProgressSummary[]): ProgressSummary {
  return byState((state) => {
    const those = parts.map((part) => part[state]).filter(({ count }) => count > 0);
    if (those.length === 0) return NO_PODS;
    const details = those.flatMap(({ byDetail }) => [...byDetail]);
    const byDetail = Map.groupBy(details, ([detail]) => detail);
    return {
      ...together(those),
      byDetail: new Map(
        [...byDetail].map(([detail, same]) => [detail, together(same.map(([, each]) => each))]),
      ),
    };
  });
}

function byState<T>(of: (state: ProgressState) => T): Record<ProgressState, T> {
  return Object.fromEntries(STATES.map((state) => [state, of(state)])) as Record<ProgressState, T>;
}

function named(pods: readonly Progress[]): Named {
  return { count: pods.length, names: pods.slice(0, MAX_NAMED).map(({ pod }) => pod) };
}

function together(all: readonly Named[]): Named {
  const count = all.reduce((sum, each) => sum + each.count, 0);
  return { count, names: all.flatMap(({ names }) => names).slice(0, MAX_NAMED) };
}

/** The condition Programmed. @param what the policy in messages, such as `generation 4` */
export function programmedCondition(all: ProgressSummary, what: string): ConditionDraft {
  const total = progressCount(all);
  if (total === 0) {
    return condition('True', 'NoPods', 'The agents have no pods. New pods start with the policy.');
  }
  const share = `${all.Programmed.count}/${total} pods enforce ${what}`;
  if (all.Refused.count > 0) {
    return condition(
      'False',
      'Refused',
      `${share}. ${reasons(all.Refused.byDetail, 'refused the configuration')} They keep the former configuration; correct the spec.`,
    );
  }
  if (all.Unsupported.count > 0) return unsupported(share, all.Unsupported);
  if (all.Pending.count > 0) {
    return condition('False', 'Pending', `${share}; waiting: ${waits(all.Pending.byDetail)}.`);
  }
  return condition('True', 'Programmed', `${share}.${strays(all.Programmed.byDetail)}`);
}

function unsupported(share: string, pods: ProgressSummary['Unsupported']): ConditionDraft {
  const features = [...pods.byDetail.keys()].map((detail) => detail!);
  return condition(
    'False',
    'UnsupportedByRuntime',
    `${share}. The runtime of ${listed(pods)} is too old for ${list(features)} and leaves it out; roll out a newer image.`,
  );
}

/** Sentences such as `Pod a refused it: why.`, one for each detail. */
function reasons(byDetail: ReadonlyMap<string | undefined, Named>, did: string): string {
  return [...byDetail]
    .map(([detail, same]) => {
      const noun = same.count === 1 ? 'Pod' : 'Pods';
      return `${noun} ${listed(same)} ${did}: ${detail}.`;
    })
    .join(' ');
}

function waits(byDetail: ReadonlyMap<string | undefined, Named>): string {
  return [...byDetail].map(([detail, same]) => `${listed(same)} (${detail})`).join(', ');
}

function strays(byDetail: ReadonlyMap<string | undefined, Named>): string {
  const refused = new Map([...byDetail].filter(([detail]) => detail !== undefined));
  if (refused.size === 0) return '';
  return ` ${reasons(refused, 'refused another configuration, from')}`;
}

function listed({ names, count }: Named): string {
  return list(names, MAX_NAMED, count);
}

/** The programmed pods, such as `2/3`. */
export function share(all: ProgressSummary): string {
  return `${all.Programmed.count}/${progressCount(all)}`;
}

/** Number of pods. */
export function progressCount(all: ProgressSummary): number {
  return STATES.reduce((sum, state) => sum + all[state].count, 0);
}

function condition(status: 'True' | 'False', reason: string, message: string): ConditionDraft {
  return { type: 'Programmed', status, reason, message };
}
