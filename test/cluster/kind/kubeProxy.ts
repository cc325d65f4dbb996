import { run, succeeds } from '../common/command.ts';

/** kube-proxy balances over the pods of a Service by iptables' match `statistic`, which needs this library. */
const LIBRARY = '/lib/x86_64-linux-gnu/libm.so.6';

/** Mounts the node's own copy of the library into kube-proxy. */
const PATCH = {
  spec: {
    template: {
      spec: {
        containers: [
          {
            name: 'kube-proxy',
            volumeMounts: [{ name: 'libm', mountPath: LIBRARY, readOnly: true }],
          },
        ],
        volumes: [{ name: 'libm', hostPath: { path: LIBRARY, type: 'File' } }],
      },
    },
  },
};

/**
 * Mounts the node's own library into kube-proxy if its image lacks it. Node images built from a distribution's
 * packages may lack it. Then a Service with two pods does not work.
 *
 * @param kubectl runs kubectl against the cluster
 */
export async function completeKubeProxy(
  node: string,
  kubectl: (...args: string[]) => Promise<string>,
): Promise<void> {
  const rollOut = ['-n', 'kube-system', 'rollout', 'status', 'daemonset/kube-proxy'];
  await kubectl(...rollOut, '--timeout', '60s');
  if (!(await lacksLibrary(node))) return;
  const patch = JSON.stringify(PATCH);
  await kubectl('-n', 'kube-system', 'patch', 'daemonset', 'kube-proxy', '--patch', patch);
  await kubectl(...rollOut, '--timeout', '60s');
}

/** Whether the node has the library, and kube-proxy has iptables' extensions without it. */
async function lacksLibrary(node: string): Promise<boolean> {
  const processId = await run('docker', ['exec', node, 'pgrep', '-xo', 'kube-proxy']).catch(
    () => '',
  );
  if (!/^\d+$/.test(processId.trim())) return false;
  const root = `/proc/${processId.trim()}/root`;
  const has = (path: string): Promise<boolean> =>
    succeeds('docker', ['exec', node, 'test', '-e', path]);
  const extension = `${root}/usr/lib/x86_64-linux-gnu/xtables/libxt_statistic.so`;
  return (
    (await has(extension)) &&
    !(await has(`${root}${LIBRARY}`)) &&
    !(await has(`${root}/usr${LIBRARY}`)) &&
    (await has(LIBRARY))
  );
}
