import type { KubernetesObject, Resource, Verb } from '../../operator/kube/index.ts';

/** A resource for what the operator itself may not do with it, such as a test that acts as a user. */
export function unrestricted<T extends KubernetesObject>(resource: Resource<T>): Resource<T, Verb> {
  return resource as Resource<T, Verb>;
}
