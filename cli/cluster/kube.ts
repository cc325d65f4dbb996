/**
 * The part of operator/kube that the commands use. Its index also exports the work queue and the controller, which
 * need a newer Node.js than the commands.
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
export type { ConfigMap, Event, Pod } from '../../operator/kube/types.ts';
