/** Kubernetes' own objects as JSON. Fields that these types lack are kept. */
import type {
  EventsV1Event,
  V1ConfigMap,
  V1Deployment,
  V1Lease,
  V1NetworkPolicy,
  V1ObjectReference,
  V1Pod,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1Status,
  V1TokenReview,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';
import type { Condition, KubernetesObject, ObjectMeta } from './meta.ts';

export type { Condition, KubernetesObject, ObjectMeta };

/** A type of the client as JSON: times are strings, and names that are words of TypeScript have no `_` before them. */
type Json<T> = T extends Date
  ? string
  : T extends (infer U)[]
    ? Json<U>[]
    : T extends object
      ? { [K in keyof T as K extends `_${infer Name}` ? Name : K]: Json<T[K]> }
      : T;

type Kind<T> = KubernetesObject & Omit<Json<T>, keyof KubernetesObject>;
/** A kind whose objects always have a spec. */
type KindWithSpec<T extends { spec?: object }> = Kind<T> & { spec: Json<NonNullable<T['spec']>> };

/** A reference to any object. */
export type ObjectReference = Json<V1ObjectReference>;

/** A condition of a built-in kind. Unlike in metav1.Condition, most fields are optional. */
export interface BuiltInCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export type PodTemplate = Deployment['spec']['template'];
export type Pod = KindWithSpec<V1Pod>;
export type ConfigMap = Kind<V1ConfigMap>;
/** `data` holds base64. */
export type Secret = Kind<V1Secret>;
export type ServiceAccount = Kind<V1ServiceAccount>;
export type Service = Kind<V1Service>;
export type Deployment = KindWithSpec<V1Deployment>;
export type HorizontalPodAutoscaler = KindWithSpec<V2HorizontalPodAutoscaler>;
export type PodDisruptionBudget = Kind<V1PodDisruptionBudget>;
export type NetworkPolicy = Kind<V1NetworkPolicy>;
/** Times are MicroTime; see microTime. */
export type Lease = Kind<V1Lease>;
/** Of events.k8s.io/v1. Times are MicroTime. */
export type Event = Kind<EventsV1Event>;
export type TokenReview = Kind<V1TokenReview>;
export type TokenReviewStatus = NonNullable<TokenReview['status']>;
/** metav1.Status: the body of a failed request. */
export type Status = Json<V1Status>;
export type StatusDetails = NonNullable<Status['details']>;
