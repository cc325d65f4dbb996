import { join } from 'node:path';
import type { Cluster } from './common/cluster.ts';
import { run } from './common/command.ts';

const QUESTIONS = [
  ['get', 'nodes,pods', '--all-namespaces', '--output=wide'],
  ['get', 'events', '--all-namespaces', '--sort-by=.lastTimestamp'],
  ['get', 'agentdeployments,circuitbreakerpolicies,ratelimitpolicies', '-A', '--output=yaml'],
  [
    'logs',
    '--namespace=breakwater-system',
    '--selector=app.kubernetes.io/name=breakwater',
    '--tail=500',
    '--prefix',
  ],
];

/** Prints what helps after a failed test run. Names what the cluster does not answer, and continues. */
export async function printLogs(cluster: Cluster, print: (text: string) => void): Promise<void> {
  const kubectl = join((await cluster.path())[0]!, 'kubectl');
  for (const question of QUESTIONS) {
    print(`$ kubectl ${question.join(' ')}`);
    const args = ['--kubeconfig', cluster.kubeconfig, '--request-timeout=20s', ...question];
    print(await run(kubectl, args).catch((error: unknown) => String(error)));
  }
}
