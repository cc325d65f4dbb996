import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { placeOf, withCluster, type Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/kube.ts';
import { nameOf } from '../cluster/find.ts';
import { observe } from '../cluster/observe.ts';
import { debugPages } from '../cluster/debugPage.ts';
import { podPage } from '../cluster/podPage.ts';
import { EXIT, print, widthOf, type Command } from '../terminal/command.ts';
import {
  podFigures,
  podLines,
  ranked,
  summaryLines,
  topLines,
  usageOf,
  type PodAnswer,
  type PodFigures,
  type Usage,
} from '../view/top.ts';
import { podsOf, type World } from '../view/world.ts';

export const top: Command = {
  summary:
    'show requests, latency, errors, tokens and load of each agent, now and since its pods started',
  positional: '[AGENT]',
  subject: 'agent',
  options: {
    ...CLUSTER_OPTIONS,
    ...ALL_NAMESPACES,
    ...OUTPUT,
    pods: {
      type: 'boolean',
      help: 'show each pod: whether it is ready, and its load of its capacity',
    },
    summary: { type: 'boolean', help: 'show all agents together, and rank them' },
  },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, values, positionals } = call;
      const { pods, summary, 'all-namespaces': everywhere } = values;
      if (pods === true && summary === true) throw new Error('Write one of --pods and --summary.');
      const world = await observe(cluster);
      const [text] = positionals;
      const name = text === undefined ? undefined : nameOf(text, 'AgentDeployment');
      const agents = world.agents.filter(({ metadata }) => !name || metadata.name === name);
      if (name !== undefined && agents.length === 0) {
        throw new Error(`There is no agent ${name} in ${placeOf(cluster)}.`);
      }
      const usages: Usage[] = [];
      const warn = (line: string): void => void context.stderr.write(`${line}\n`);
      for (const agent of agents) {
        usages.push(usageOf(agent, await answersOf(podsOf(world, agent), cluster, warn)));
      }
      const width = widthOf(call);
      if (summary === true) {
        const all = ranked(usages, uptimeSeconds(agents, world, context.date()));
        print(call, all, () => summaryLines(all, width));
        return EXIT.fine;
      }
      const layout = { width, namespaces: everywhere === true, details: name !== undefined };
      print(call, { agents: usages }, () => {
        if (usages.length === 0) return ['No agents.'];
        return pods === true ? podLines(usages, layout) : topLines(usages, layout);
      });
      return EXIT.fine;
    }),
};

/** Time since the oldest running pod was made. */
function uptimeSeconds(agents: readonly AgentDeployment[], world: World, now: Date): number {
  const made = agents
    .flatMap((agent) => podsOf(world, agent).filter(isRunning))
    .map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
  return made.length === 0 ? 0 : Math.round((now.getTime() - Math.min(...made)) / 1000);
}

const isRunning = ({ metadata, status }: Pod): boolean =>
  status?.phase === 'Running' && metadata.deletionTimestamp === undefined;

/** What the pods answer. Warns the user of running pods that do not. */
export async function answersOf(
  pods: readonly Pod[],
  cluster: Pick<Cluster, 'client' | 'config'>,
  warn: (line: string) => void,
): Promise<PodAnswer[]> {
  const ask = async (pod: Pod): Promise<PodFigures | undefined> => {
    const { namespace = '', name } = pod.metadata;
    const or = (page: Promise<string>, without: string): Promise<string | undefined> =>
      page.catch((error: unknown) => {
        warn(`${without}: ${error instanceof Error ? error.message : String(error)}`);
        return undefined;
      });
    const port = { namespace, name, port: PORTS.metrics };
    const [figures, metrics] = await Promise.all([
      or(debugPages(cluster, pod)('/debug/figures'), `Pod ${name} is left out`),
      // Of some agents only scrapers with a token read metrics.
      or(podPage(cluster.config, port, '/metrics'), `Tokens of pod ${name} are not known`),
    ]);
    return figures === undefined ? undefined : podFigures(figures, metrics);
  };
  return Promise.all(
    pods.map(async (pod): Promise<PodAnswer> => {
      const figures = isRunning(pod) ? await ask(pod) : undefined;
      const ready =
        pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
        false;
      return { pod: pod.metadata.name, ready, ...(figures && { figures }) };
    }),
  );
}
