import type { AgentAttachment, Policy } from '../desired/attachment.ts';

/**
 * Which policy, at which generation, holds which slot of an agent, as a string: two attachments with
 * the same one lead to the same configuration of those slots.
 *
 * @param only the UID of the one policy to look at; absent: all of them, and the agent's spec
 */
export function slotsOf(attachment: AgentAttachment, only?: string): string {
  const held = (slots: ReadonlyMap<string, Policy>): string[] =>
    [...slots]
      .filter(([, { metadata }]) => only === undefined || metadata.uid === only)
      .map(([section, { metadata }]) => `${section}=${metadata.uid}@${metadata.generation}`)
      .sort();
  const { circuits, limits, agent } = attachment;
  const spec = only === undefined ? [`${agent.metadata.uid}@${agent.metadata.generation}`] : [];
  return [...spec, ...held(circuits), '|', ...held(limits)].join(' ');
}
