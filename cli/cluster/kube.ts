/**
 * What the commands use of operator/kube. Its index has the work queue and the controller too, which ask for a newer
 * Node.js than the commands do.
 */
export { KubeClient } from '../../operator/kube/client.ts';
export { loadClusterConfig, type ClusterConfig } from '../../operator/kube/config.ts';
export { ApiError, ConnectionError, isForbidden, isNotFound } from '../../operator/kube/errors.ts';
export { Informer } from '../../operator/kube/informer.ts';
export { ForwardedPort, type PodPort } from '../../operator/kube/portForward.ts';
export {
  defineResource,
  resourcePath,
  type Read,
  type Resource,
} from '../../operator/kube/resource.ts';
export { Transport } from '../../operator/kube/transport.ts';
export type { Event, Pod } from '../../operator/kube/types.ts';
