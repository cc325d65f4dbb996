import type { AgentAttachment } from '../desired/policies/attachment.ts';

/** What identifies a version of an object's spec. */
interface Version {
  metadata: { uid?: string; generation?: number };
}

/** Which version of which policy is in force on what, and the version of the agent. */
export interface AttachedVersions {
  agent: Version;
  circuits: ReadonlyMap<string, Version>;
  limits: ReadonlyMap<string, Version>;
}

/** The versions in an attachment, to be kept without keeping whole objects in memory. */
export function attachedVersions({ agent, circuits, limits }: AgentAttachment): AttachedVersions {
  const version = ({ metadata: { uid, generation } }: Version): Version => ({
    metadata: { uid, generation },
  });
  const all = (policies: ReadonlyMap<string, Version>): Map<string, Version> =>
    new Map([...policies].map(([section, policy]) => [section, version(policy)]));
  return { agent: version(agent), circuits: all(circuits), limits: all(limits) };
}

/**
 * The versions as a string. Two attachments with the same string lead to the same configuration.
 *
 * @param only the UID of the one policy to look at; absent: all of them, and the agent's spec
 */
export function versionsText(attached: AttachedVersions, only?: string): string {
  const texts = (policies: ReadonlyMap<string, Version>): string[] =>
    [...policies]
      .filter(([, { metadata }]) => only === undefined || metadata.uid === only)
      .map(([section, { metadata }]) => `${section}=${metadata.uid}@${metadata.generation}`)
      .sort();
  const { circuits, limits, agent } = attached;
  const spec = only === undefined ? [`${agent.metadata.uid}@${agent.metadata.generation}`] : [];
  return [...spec, ...texts(circuits), '|', ...texts(limits)].join(' ');
}
