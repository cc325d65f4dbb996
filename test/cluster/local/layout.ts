import { join } from 'node:path';

/** Where a local cluster keeps its things, and the names it goes by. */
export interface Layout {
  /** Survives a reboot: etcd, certificates, images, logs. */
  state: string;
  /** Does not: sockets, mounts of running containers. Short, because a socket's path must be. */
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
