import type { AgentAttachment } from '../desired/policies/attachment.ts';

/** Identifies a version of an object's spec. */
interface Version {
  metadata: { uid?: string; generation?: number };
}

/** The versions of an agent and of the policies in force on its sections. */
export interface AttachedVersions {
  agent: Version;
  circuits: ReadonlyMap<string, Version>;
  limits: ReadonlyMap<string, Version>;
}

/** Copies the versions from an attachment, so that whole objects need not stay in memory. */
export function attachedVersions({ agent, circuits, limits }: AgentAttachment): AttachedVersions {
  const version = ({ metadata: { uid, generation } }: Version): Version => ({
    metadata: { uid, generation },
  });
  const all = (policies: ReadonlyMap<string, Version>): Map<string, Version> =>
    new Map([...policies].map(([section, policy]) => [section, version(policy)]));
  return { agent: version(agent), circuits: all(circuits), limits: all(limits) };
}

/**
 * The versions as a string. Attachments with the same string result in the same configuration.
 *
 * @param only UID of a policy: the string has this policy alone. Default: all policies and the agent's spec
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
