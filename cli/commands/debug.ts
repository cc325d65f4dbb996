import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { debugAuthorization, debugPages, debugPort } from '../cluster/debugPage.ts';
import { ForwardedPort, type Pod } from '../cluster/kube.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { findPods } from '../cluster/findPods.ts';
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
    if (page === undefined) await open(cluster, pod!, context);
    else context.stdout.write(await debugPages(cluster, pod!)(`/debug/${page}`));
    return EXIT.fine;
  });
}

/** Serves the pod's debug port on this computer until Ctrl-C. */
async function open(cluster: Cluster, pod: Pod, context: Context): Promise<void> {
  const authorization = await debugAuthorization(cluster, pod);
  const server = createServer((asked, answer) => {
    const way = new ForwardedPort(cluster.config, debugPort(pod));
    const { method, url: path } = asked;
    const headers = { ...asked.headers, ...(authorization && { authorization }) };
    const forwarded = request({ method, path, headers, createConnection: () => way }, (page) => {
      answer.writeHead(page.statusCode!, page.rawHeaders);
      page.pipe(answer);
    });
    forwarded.on('error', (error) => {
      context.stderr.write(`${error.message}\n`);
      answer.destroy();
    });
    answer.on('close', () => way.destroy());
    asked.pipe(forwarded);
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    context.stdout.write(
      `The debug pages of ${pod.metadata.name} are at http://127.0.0.1:${port}/debug until you press Ctrl-C.\n`,
    );
  });
  context.interrupted().addEventListener('abort', () => {
    server.close();
    server.closeAllConnections();
    resolve();
  });
  await promise;
}
