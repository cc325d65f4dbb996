/** Pods that keep parts of their former configuration, because their template lacks mounts that the new parts need. */
import type { Problem } from '../desired/common/errors.ts';
import { list, sentences } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation, PodObservation } from './observations.ts';
import { reportedText } from './reported.ts';
import { obstacles, type RollOut } from './rollout.ts';

const MAX_PART = 64;

/** Which pods wait for the rollout, and for what, as a sentence; empty if none does. */
export function waitingPods(observation: AgentObservation): string[] {
  const pods = livePods(observation);
  const waiting = pods.filter((pod) => partsOf(pod).length > 0);
  if (waiting.length === 0) return [];
  const parts = [...new Set(waiting.flatMap(partsOf))].map((part) => reportedText(part, MAX_PART));
  return [
    `${waiting.length} of ${pods.length} pods wait for the rollout: they lack mounts for this configuration and keep the former ${list(parts)}.`,
  ];
}

/** Pods serve without the new authentication until they are replaced: refusing would be an outage. */
export function authPending(observation: AgentObservation, { message }: RollOut): Problem[] {
  const pods = livePods(observation);
  const waiting = pods.filter((pod) => partsOf(pod).includes('auth'));
  if (waiting.length === 0) return [];
  const serving = `${waiting.length} of ${pods.length} pods serve under the former spec.auth until the rollout replaces them.`;
  const why = [serving, message, obstacles(observation)].filter((text) => text !== '');
  return [{ reason: 'AuthPending', message: sentences(why) }];
}

function partsOf({ connected, snapshot }: PodObservation): readonly string[] {
  return (connected && snapshot?.configuration.waiting) || [];
}
