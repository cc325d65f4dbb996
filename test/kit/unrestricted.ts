import type { KubernetesObject, Resource, Verb } from '../../operator/kube/index.ts';

/** A resource with all verbs, for tests that do what the operator may not. */
export function unrestricted<T extends KubernetesObject>(resource: Resource<T>): Resource<T, Verb> {
  return resource as Resource<T, Verb>;
}
