import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type KubeClient, type KubernetesObject } from '../../../operator/kube/index.ts';
import { AgentDeployments, CircuitBreakerPolicies } from '../../../operator/resources/resources.ts';

/** Statuses of all agents and policies by their place. */
type Statuses = Record<string, unknown>;

/** The place of an object, the same in namespaces that differ only by prefix. */
function placeOf({ kind, metadata }: KubernetesObject): string {
  return `${kind}${metadata.namespace!.slice(metadata.namespace!.lastIndexOf('-'))}/${metadata.name}`;
}

/** Writes the statuses of all agents and policies into a file, and returns its path. */
export async function storeStatuses(client: KubeClient, directory: string): Promise<string> {
  const objects: (KubernetesObject & { status?: unknown })[] = [
    ...(await client.list(AgentDeployments)),
    ...(await client.list(CircuitBreakerPolicies)),
  ];
  const statuses: Statuses = Object.fromEntries(
    objects.map((object) => [placeOf(object), object.status]),
  );
  const file = join(directory, 'statuses.json');
  await writeFile(file, JSON.stringify(statuses));
  return file;
}

/** Returns a function that finds the status of the object in the same place under another prefix. */
export async function readStatuses(file: string): Promise<(object: KubernetesObject) => unknown> {
  const statuses = JSON.parse(await readFile(file, 'utf8')) as Statuses;
  return (object) => statuses[placeOf(object)];
}
