import { setTimeout } from 'node:timers/promises';
import type { KubernetesObject } from '../../crds/meta.ts';
import { ApiError, Informer, type Read, type Resource } from './kube.ts';
import { AGENT_LABEL, type World } from '../view/world.ts';
import { RETRIES, type Cluster } from './cluster.ts';
import { Agents, Breakers, Limits, Pods } from './resources.ts';

/** Time between two questions whether the API server answers again, in milliseconds. */
const ASK_MS = 1000;

/** The current objects of the cluster. `failed` stands in for objects that cannot be listed. */
export async function observe(
  { client, namespace }: Cluster,
  failed?: (what: string, error: unknown) => [],
): Promise<World> {
  const list = <T extends KubernetesObject>(
    resource: Resource<T, Read>,
    labelSelector?: string,
  ): Promise<T[]> => {
    const listed = client.list(resource, { namespace, retries: RETRIES, labelSelector });
    return failed ? listed.catch((error: unknown) => failed(resource.plural, error)) : listed;
  };
  const [agents, breakers, limits, pods] = await Promise.all([
    list(Agents),
    list(Breakers),
    list(Limits),
    list(Pods, AGENT_LABEL),
  ]);
  return { agents, breakers, limits, pods };
}

/** The objects of the cluster. Follows their changes. */
export interface Follower {
  world(): World;
  /** Why the last request to the API server failed; undefined if it did not. */
  problem(): string | undefined;
  /** Follows no longer. */
  close(): void;
}

/**
 * Follows the cluster until the signal aborts, and calls `changed` at each change. Resolves when the first state is
 * complete. Rejects if the API server refuses the first state, or fails twice; later failures are a `problem`.
 */
export async function follow(
  { client, transport, namespace }: Cluster,
  until: AbortSignal,
  changed: () => void,
): Promise<Follower> {
  const given = new AbortController();
  const signal = AbortSignal.any([until, given.signal]);
  const refused = Promise.withResolvers<never>();
  let problem: string | undefined;
  let asking = false;
  const answered = (): void => {
    problem = undefined;
    changed();
  };
  /** A watch that is open again tells nothing until something changes, so the API server is asked. */
  const askUntilAnswered = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    while (problem !== undefined && !signal.aborted) {
      await setTimeout(ASK_MS, undefined, { signal }).catch(() => undefined);
      await transport
        .request({ method: 'GET', path: '/version', signal })
        .then(answered, () => undefined);
    }
    asking = false;
  };
  const informer = <T extends KubernetesObject>(
    resource: Resource<T, Read>,
    labelSelector?: string,
  ): Informer<T> => {
    let failures = 0;
    const made = new Informer<T>({
      client,
      resource,
      namespace,
      labelSelector,
      onFailed: (error) => {
        failures += 1;
        // Without effect once the first state is complete.
        if (isRefusal(error) || failures > RETRIES) refused.reject(error);
        problem = error instanceof Error ? error.message : String(error);
        changed();
        void askUntilAnswered();
      },
    });
    made.onChange(answered);
    made.start(signal);
    return made;
  };
  const agents = informer(Agents);
  const breakers = informer(Breakers);
  const limits = informer(Limits);
  const pods = informer(Pods, AGENT_LABEL);
  const synced = Promise.all([agents, breakers, limits, pods].map((each) => each.synced));
  await Promise.race([synced, refused.promise]).catch((error: unknown) => {
    given.abort();
    throw error;
  });
  return {
    world: () => ({
      agents: agents.list(),
      breakers: breakers.list(),
      limits: limits.list(),
      pods: pods.list(),
    }),
    problem: () => problem,
    close: () => given.abort(),
  };
}

/** Whether another try would meet the same answer: no permission, no credentials, no such kind. */
function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && [401, 403, 404].includes(error.status);
}
