import type { Event, KubernetesObject, Lease, TokenReview } from './types.ts';

/** RBAC verbs, with the subresource before the slash. */
export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'status/update'
  | 'finalizers/update';

/** The verbs of an informer. */
export type Read = 'list' | 'watch';

/** One kind of object under one version of the API. */
export interface Resource<T extends KubernetesObject, V extends Verb = never> {
  /** Empty for the core API. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Verbs that the operator may use. The client's methods accept only resources with their verb. */
  readonly verbs: Readonly<Record<V, true>>;
  /** Never set. It binds T to the value. */
  readonly objectType?: T;
}

/** @param verbs as keys of an object, from which the compiler infers V */
export function defineResource<T extends KubernetesObject, V extends Verb>(
  apiVersion: string,
  kind: string,
  plural: string,
  verbs: Readonly<Record<V, true>>,
  { namespaced = true }: { namespaced?: boolean } = {},
): Resource<T, V> {
  const slash = apiVersion.indexOf('/');
  const group = slash < 0 ? '' : apiVersion.slice(0, slash);
  const version = apiVersion.slice(slash + 1);
  return Object.freeze({ group, version, plural, kind, namespaced, verbs });
}

/** The apiVersion of its objects, such as `v1` or `apps/v1`. */
export function apiVersionOf({ group, version }: Resource<KubernetesObject>): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * The URL path of a collection (no name) or of one object, from the API server's root.
 * @throws Error if the namespace of a namespaced object is missing
 */
export function resourcePath(
  resource: Resource<KubernetesObject>,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  if (resource.namespaced && name !== undefined && !namespace) {
    throw new Error(`${resource.kind} ${name} needs a namespace`);
  }
  const root = resource.group === '' ? 'api' : `apis/${resource.group}`;
  const parts = [root, resource.version];
  if (resource.namespaced && namespace) parts.push('namespaces', encodeURIComponent(namespace));
  parts.push(resource.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.join('/')}`;
}

/** Kinds that EventRecorder, LeaderElector and KubeClient.reviewToken use. */
export const Events = defineResource<Event, 'create' | 'patch'>(
  'events.k8s.io/v1',
  'Event',
  'events',
  { create: true, patch: true },
);
export const Leases = defineResource<Lease, 'get' | 'create' | 'update'>(
  'coordination.k8s.io/v1',
  'Lease',
  'leases',
  { get: true, create: true, update: true },
);
export const TokenReviews = defineResource<TokenReview, 'create'>(
  'authentication.k8s.io/v1',
  'TokenReview',
  'tokenreviews',
  { create: true },
  { namespaced: false },
);
