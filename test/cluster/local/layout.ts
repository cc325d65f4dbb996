import { join } from 'node:path';

/** Paths of a local cluster. */
export interface Layout {
  /** Directory that survives a reboot: etcd, certificates, images, logs. */
  state: string;
  /**
   * Directory that a reboot empties: sockets, mounts of containers. Its path is short, because the path of a socket
   * must be short.
   */
  run: string;
  /** containerd's socket. */
  socket: string;
  /** Administrator's kubeconfig. */
  kubeconfig: string;
}

export const NODE_NAME = 'local';

/** Parent of the cgroups of all pods. */
export const CGROUP = 'breakwater';

export function layout(cache: string): Layout {
  const state = join(cache, 'clusters', 'local');
  const run = '/run/breakwater';
  return {
    state,
    run,
    socket: join(run, 'containerd.sock'),
    kubeconfig: join(state, 'kubeconfig'),
  };
}
