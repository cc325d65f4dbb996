import type { KubernetesObject } from '../../crds/meta.ts';
import type { Api } from './api.ts';

/**
 * Watches an object. Resolves when the watch has begun, with a promise of the time (performance.now()) at which the API server
 * reports the next generation. The promise is wrapped, so that awaiting the beginning does not await the time.
 */
export async function storedAfter(
  api: Api,
  resource: string,
  namespace: string,
  name: string,
): Promise<{ at: Promise<number> }> {
  const end = new AbortController();
  const begun = Promise.withResolvers<void>();
  const at = (async (): Promise<number> => {
    let generation: number | undefined;
    const watch = api.watch<KubernetesObject>(resource, namespace, { signal: end.signal });
    for await (const { object } of watch) {
      if (object.metadata.name !== name) continue;
      if (generation !== undefined && object.metadata.generation !== generation) {
        const now = performance.now();
        end.abort();
        return now;
      }
      generation = object.metadata.generation;
      begun.resolve();
    }
    throw new Error(`the watch of ${resource} ended before ${name} changed`);
  })();
  at.catch(begun.reject);
  await begun.promise;
  return { at };
}
