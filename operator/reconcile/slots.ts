import type { AgentAttachment } from '../desired/attachment.ts';

/** What identifies a version of an object's spec. */
interface Version {
  metadata: { uid?: string; generation?: number };
}

/** Which version of which policy holds which slot of which version of an agent. */
export interface HeldSlots {
  agent: Version;
  circuits: ReadonlyMap<string, Version>;
  limits: ReadonlyMap<string, Version>;
}

/** That of an attachment and nothing else, to be kept without keeping whole objects in memory. */
export function heldSlots({ agent, circuits, limits }: AgentAttachment): HeldSlots {
  const version = ({ metadata: { uid, generation } }: Version): Version => ({
    metadata: { uid, generation },
  });
  const all = (slots: ReadonlyMap<string, Version>): Map<string, Version> =>
    new Map([...slots].map(([section, policy]) => [section, version(policy)]));
  return { agent: version(agent), circuits: all(circuits), limits: all(limits) };
}

/**
 * Which policy, at which generation, holds which slot of an agent, as a string: two attachments with
 * the same one lead to the same configuration of those slots.
 *
 * @param only the UID of the one policy to look at; absent: all of them, and the agent's spec
 */
export function slotsOf(slots: HeldSlots, only?: string): string {
  const held = (policies: ReadonlyMap<string, Version>): string[] =>
    [...policies]
      .filter(([, { metadata }]) => only === undefined || metadata.uid === only)
      .map(([section, { metadata }]) => `${section}=${metadata.uid}@${metadata.generation}`)
      .sort();
  const { circuits, limits, agent } = slots;
  const spec = only === undefined ? [`${agent.metadata.uid}@${agent.metadata.generation}`] : [];
  return [...spec, ...held(circuits), '|', ...held(limits)].join(' ');
}
