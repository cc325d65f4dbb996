/**
 * Which mounts of its pod a part of a configuration needs. The operator lists those of a pod template in an environment
 * variable, so that a pod can tell what it lacks of a later configuration.
 */
import { createHash } from 'node:crypto';

/** Environment variable with the names of the pod's mounts, separated by commas. Absent: the pod does not know them. */
export const MOUNTS_VARIABLE = 'BREAKWATER_MOUNTS';

/**
 * Name of a mounted file or directory. It differs by path and by source, so that a Secret that replaces another one at the
 * same path is another mount. It is short, because hundreds of names must fit into a variable.
 *
 * @param source name of the Secret or ConfigMap; empty for a volume of another kind
 */
export function mountName(path: string, source = ''): string {
  return createHash('sha256').update(`${path}\n${source}`).digest('base64url').slice(0, 12);
}

/** Name of the shutdown times, which the pod's grace period must cover. */
export function shutdownName(times: object): string {
  return mountName(JSON.stringify(Object.entries(times).sort()));
}

/** Schemas hold values of users, which may look like mounts. */
const OF_USERS = 'inputSchema';

/**
 * Names of the mounts that a part of a configuration refers to: of each object with a `path` and a `secret` or `configMap`,
 * and of each `directory`.
 */
export function mountsOf(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  const { path, secret, configMap, directory } = part as Record<string, unknown>;
  const source = secret ?? configMap;
  const own =
    typeof path === 'string' && typeof source === 'string' ? [mountName(path, source)] : [];
  const volume = typeof directory === 'string' ? [mountName(directory)] : [];
  const inner = Object.entries(part).filter(([name]) => name !== OF_USERS);
  return [...own, ...volume, ...inner.flatMap(([, value]) => mountsOf(value))];
}
