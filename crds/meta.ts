export type {
  Condition,
  KubernetesObject,
  ObjectMeta,
  OwnerReference,
} from '../operator/kube/meta.ts';

export const API_VERSION = 'breakwater.dev/v1alpha1';
