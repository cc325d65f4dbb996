import { createServer, type AddressInfo } from 'node:net';
import { PORTS } from '../../contract/link.ts';
import { ForwardedPort, type PodPort } from '../cluster/kube.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { findPods } from '../cluster/findPods.ts';
import { podPage } from '../cluster/podPage.ts';
import { EXIT, type Call, type Context, type Command } from '../terminal/command.ts';

/** Pages of a pod below /debug/. */
const PAGES = [
  ...[
    'state',
    'circuits',
    'rate_limiter',
    'bulkhead',
    'endpoints',
    'peers',
    'performance',
    'security',
  ],
  ...['figures', 'cache', 'logging', 'config', 'audit'],
];

export const debug: Command = {
  summary: "show a page of a pod's debug port, or open that port on this computer",
  positional: 'POD|AGENT',
  subject: 'pod',
  options: {
    ...CLUSTER_OPTIONS,
    page: {
      type: 'string',
      value: 'PAGE',
      help: `print this page and end: ${PAGES.join(', ')}`,
    },
  },
  run: (call) => {
    const { page } = call.values;
    if (page !== undefined && !PAGES.includes(page as string)) {
      throw new Error(`${page as string} is no page; write one of ${PAGES.join(', ')}`);
    }
    return show(call, page as string | undefined);
  },
};

function show(call: Call, page: string | undefined): Promise<number> {
  return withCluster(call, async (cluster) => {
    const { context, positionals } = call;
    const [pod] = await findPods(cluster, positionals[0]!);
    const { namespace = '', name } = pod!.metadata;
    const port = { namespace, name, port: PORTS.debug };
    if (page === undefined) await open(cluster, port, context);
    else context.stdout.write(await podPage(cluster.config, port, `/debug/${page}`));
    return EXIT.fine;
  });
}

/** Forwards a port of this computer to the pod until Ctrl-C. */
async function open({ config }: Cluster, pod: PodPort, context: Context): Promise<void> {
  const server = createServer((socket) => {
    const way = new ForwardedPort(config, pod);
    way.on('error', (error) => {
      context.stderr.write(`${error.message}\n`);
      socket.destroy();
    });
    socket.on('error', () => way.destroy());
    socket.on('close', () => way.destroy());
    socket.pipe(way).pipe(socket);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    context.stdout.write(
      `The debug pages of ${pod.name} are at http://127.0.0.1:${port}/debug until you press Ctrl-C.\n`,
    );
  });
  context.interrupted().addEventListener('abort', () => {
    server.close();
    resolve();
  });
  await promise;
}
