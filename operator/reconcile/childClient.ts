import type { KubernetesObject } from '../../crds/meta.ts';
import type { Resource } from '../kube/index.ts';

/** The methods of KubeClient by which agents' objects are written. */
export interface ChildClient {
  get<T extends KubernetesObject>(
    resource: Resource<T, 'get'>,
    namespace: string,
    name: string,
    options?: { signal?: AbortSignal },
  ): Promise<T | undefined>;
  apply<T extends KubernetesObject>(
    resource: Resource<T, 'create' | 'patch'>,
    object: KubernetesObject,
    options: {
      fieldManager: string;
      /** The API server checks the object and answers with the result, and writes nothing. */
      dryRun?: boolean;
      absent?: boolean;
      signal?: AbortSignal;
    },
  ): Promise<T>;
  delete<T extends KubernetesObject>(
    resource: Resource<T, 'delete'>,
    namespace: string,
    name: string,
    options?: { preconditions?: { uid?: string }; signal?: AbortSignal },
  ): Promise<boolean>;
}
