import type { ConditionDraft } from '../desired/common/condition.ts';
import type { PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import { list } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { reportedText } from './reported.ts';

/** How far one pod is with one policy. */
export interface Progress {
  pod: string;
  state: 'Programmed' | 'Refused' | 'Unsupported' | 'Pending';
  /** The refusal, the feature, or what is waited for; of a programmed pod, what it refused meanwhile. */
  detail?: string;
}

const MAX_DETAIL = 512;

/** Where the elements of a policy are in the configuration. A name may be that of a policy of each kind. */
const ELEMENTS: Record<PolicyKind, string> = {
  CircuitBreakerPolicy: '/circuits',
  RateLimitPolicy: '/limits',
};

/**
 * How far each live pod of the agent is with the policy. A pod is programmed when it is connected, runs the desired
 * configuration and leaves nothing of this policy out.
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
    (element) => element.policy === policy.name && element.path.startsWith(ELEMENTS[policy.kind]),
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
  { desiredHash, paused, waiting }: AgentObservation,
  policy: PolicyRef,
): string | undefined {
  if (desiredHash === undefined || pod.hash !== desiredHash) {
    return `runs an earlier configuration${paused ? ', because its agent is paused' : ''}`;
  }
  return isAmong(waiting, policy) ? 'keeps it as it was, because it is paused' : undefined;
}

function isAmong(policies: readonly PolicyRef[] = [], { kind, name }: PolicyRef): boolean {
  return policies.some((each) => each.kind === kind && each.name === name);
}

/** Why a connected pod does not take the desired configuration; undefined when it runs it or was not offered it. */
export function refusalOf(
  pod: PodObservation,
  desiredHash: string | undefined,
): string | undefined {
  const refused = pod.connected ? pod.snapshot?.configuration.refused : undefined;
  if (refused === undefined || pod.hash === desiredHash) return undefined;
  if (refused.hash !== undefined && refused.hash !== desiredHash) return undefined;
  return reportedText(refused.message, MAX_DETAIL);
}

/** Programmed, for a policy that is in force somewhere. `what` names it, such as `generation 4`. */
export function programmedCondition(all: readonly Progress[], what: string): ConditionDraft {
  if (all.length === 0) {
    return condition('True', 'NoPods', 'There are no pods at present; new ones start with it.');
  }
  const of = (state: Progress['state']): Progress[] => all.filter((one) => one.state === state);
  const share = `${of('Programmed').length}/${all.length} pods enforce ${what}`;
  if (of('Refused').length > 0) {
    return condition(
      'False',
      'Refused',
      `${share}. ${reasons(of('Refused'), 'refused the configuration')} They keep the one before; correct the spec.`,
    );
  }
  if (of('Unsupported').length > 0) return unsupported(share, of('Unsupported'));
  if (of('Pending').length > 0) {
    return condition('False', 'Pending', `${share}; waiting: ${waits(of('Pending'))}.`);
  }
  return condition('True', 'Programmed', `${share}.${strays(of('Programmed'))}`);
}

function unsupported(share: string, pods: readonly Progress[]): ConditionDraft {
  const features = [...new Set(pods.map(({ detail }) => detail!))];
  const names = list(pods.map(({ pod }) => pod));
  return condition(
    'False',
    'UnsupportedByRuntime',
    `${share}. The runtime of ${names} is too old for ${list(features)} and leaves it out; roll out a newer image.`,
  );
}

/** `Pod a refused it: why.`, grouped by what is said. */
function reasons(pods: readonly Progress[], did: string): string {
  return [...Map.groupBy(pods, ({ detail }) => detail)]
    .map(([detail, same]) => {
      const noun = same.length === 1 ? 'Pod' : 'Pods';
      return `${noun} ${list(same.map(({ pod }) => pod))} ${did}: ${detail}.`;
    })
    .join(' ');
}

function waits(pods: readonly Progress[]): string {
  return [...Map.groupBy(pods, ({ detail }) => detail)]
    .map(([detail, same]) => `${list(same.map(({ pod }) => pod))} (${detail})`)
    .join(', ');
}

function strays(pods: readonly Progress[]): string {
  const refused = pods.filter(({ detail }) => detail !== undefined);
  if (refused.length === 0) return '';
  return ` ${reasons(refused, 'refused another configuration, from')}`;
}

/** `2/3`, the pods that are programmed. */
export function share(all: readonly Progress[]): string {
  return `${programmedCount(all)}/${all.length}`;
}

export function programmedCount(all: readonly Progress[]): number {
  return all.filter(({ state }) => state === 'Programmed').length;
}

function condition(status: 'True' | 'False', reason: string, message: string): ConditionDraft {
  return { type: 'Programmed', status, reason, message };
}
