import type { Configuration } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { parseRevision } from '../../contract/revision.ts';
import { parsePublished } from '../../contract/validate.ts';
import { isWithin } from '../desired/configuration/inputSchema.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConfigMap } from '../kube/index.ts';
import type { PodReport } from '../links/index.ts';
import type { KnownRevisions, Published } from './revisions.ts';

/** @param applied the configuration that this process applied last */
export function knownRevisions({
  agent,
  configMap,
  applied,
  pods,
}: {
  agent: AgentDeployment;
  configMap: ConfigMap | undefined;
  applied: Configuration | undefined;
  pods: readonly PodReport[];
}): KnownRevisions {
  const stored = published(configMap, applied);
  const reported = parseRevision(agent.status?.configuration?.revision ?? '');
  return {
    ...(stored && { stored }),
    ...(reported && { reported }),
    pods: pods.map(({ revision, highestTerm }) => ({
      ...(revision && { revision }),
      highestTerm: highestTerm ?? 0,
    })),
  };
}

/** Largest depth of a stored configuration: twice that of the deepest input schema. Deeper ones cannot be written as JSON. */
const MAX_DEPTH = 64;

/** The configuration in the agent's ConfigMap; undefined if it is missing or unreadable. */
export function storedConfiguration(object: ConfigMap | undefined): Configuration | undefined {
  const text = object?.data?.[MOUNTS.configurationKey];
  if (text === undefined) return undefined;
  try {
    const stored: unknown = JSON.parse(text);
    if (!isWithin(stored, MAX_DEPTH)) return undefined;
    return parsePublished(stored) && (stored as Configuration);
  } catch {
    return undefined;
  }
}

/** The ConfigMap usually holds the last applied configuration, and comparing takes less time than parsing. */
function published(
  object: ConfigMap | undefined,
  applied: Configuration | undefined,
): Published | undefined {
  const text = object?.data?.[MOUNTS.configurationKey];
  if (text === undefined) return undefined;
  if (applied && JSON.stringify(applied) === text) return applied;
  try {
    return parsePublished(JSON.parse(text));
  } catch {
    return undefined;
  }
}
