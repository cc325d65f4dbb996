import { delimiter } from 'node:path';
import type { Cluster } from './common/cluster.ts';
import { chooseCluster, existingCluster, existingClusters } from './cluster.ts';
import { printLogs } from './logs.ts';
import { say } from './common/step.ts';

const USAGE = `usage: node test/cluster/main.ts COMMAND
  up              bring the cluster up, or repair it
  down            remove it
  kubeconfig      print the path of its kubeconfig
  env             print the shell commands that make kubectl and helm use it
  build           build the images of this checkout for it and print their names
  load IMAGE…     make images available to its pods: names, or Docker archives
  logs            print what a failed test run leaves behind: pods, events, the operator's log
CLUSTER=local|kind|current chooses the cluster.`;

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  up: async () => {
    const cluster = await chooseCluster(process.env);
    await cluster.up();
    say(`The cluster (${cluster.name}) is up. To use it:`);
    say(await shellCommands(cluster));
  },
  down: async () => {
    for (const cluster of await existingClusters(process.env)) await cluster.down();
  },
  kubeconfig: async () => print((await existingCluster(process.env)).kubeconfig),
  env: async () => print(await shellCommands(await existingCluster(process.env))),
  build: async () => {
    const { operator, runtime, simulator } = await (await existingCluster(process.env)).images();
    print(`OPERATOR_IMAGE=${operator}\nRUNTIME_IMAGE=${runtime}\nSIMULATOR_IMAGE=${simulator}`);
  },
  load: async (images) => {
    if (images.length === 0) throw new Error('load: name at least one image');
    await (await existingCluster(process.env)).loadImages(images);
  },
  logs: async () => printLogs(await existingCluster(process.env), print),
};

/** Shell commands that let kubectl and helm find the cluster, without a proxy. */
async function shellCommands(cluster: Cluster): Promise<string> {
  const path = (await cluster.path()).join(delimiter);
  const lines = [`export KUBECONFIG=${cluster.kubeconfig}`, `export PATH=${path}:$PATH`];
  const proxied = ['HTTPS_PROXY', 'https_proxy'].some((name) => process.env[name]);
  if (proxied && cluster.name === 'local') lines.push('export NO_PROXY=$NO_PROXY,10.213.0.0/16');
  return lines.join('\n');
}

function print(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

const [name = '', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  say(USAGE);
  process.exitCode = name === '' || name === 'help' ? 0 : 2;
} else {
  try {
    await command(args);
  } catch (error) {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
