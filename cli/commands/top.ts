import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { placeOf, withCluster, type Cluster } from '../cluster/cluster.ts';
import type { Pod } from '../cluster/kube.ts';
import { nameOf } from '../cluster/find.ts';
import { observe } from '../cluster/observe.ts';
import { podPage } from '../cluster/podPage.ts';
import { EXIT, print, widthOf, type Call, type Command } from '../terminal/command.ts';
import { podFigures, topLines, usageOf, type PodFigures, type Usage } from '../view/top.ts';
import { podsOf, type World } from '../view/world.ts';

export const top: Command = {
  summary:
    'show requests, latency, errors, tokens and load of each agent, now and since its pods started',
  positional: '[AGENT]',
  subject: 'agent',
  options: { ...CLUSTER_OPTIONS, ...ALL_NAMESPACES, ...OUTPUT },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { values, positionals } = call;
      const world = await observe(cluster);
      const [text] = positionals;
      const name = text === undefined ? undefined : nameOf(text, 'AgentDeployment');
      const agents = world.agents.filter(({ metadata }) => !name || metadata.name === name);
      if (name !== undefined && agents.length === 0) {
        throw new Error(`There is no agent ${name} in ${placeOf(cluster)}.`);
      }
      const usages: Usage[] = [];
      for (const agent of agents) {
        usages.push(usageOf(agent, await figuresOf(agent, world, cluster, call)));
      }
      print(call, { agents: usages }, () =>
        usages.length === 0
          ? ['No agents.']
          : topLines(usages, {
              width: widthOf(call),
              namespaces: values['all-namespaces'] === true,
              details: name !== undefined,
            }),
      );
      return EXIT.fine;
    }),
};

/** Figures of the agent's running pods. Warns the user of pods that do not answer, and leaves them out. */
async function figuresOf(
  agent: AgentDeployment,
  world: World,
  { config }: Cluster,
  { context }: Call,
): Promise<PodFigures[]> {
  const running = podsOf(world, agent).filter(
    ({ metadata, status }) =>
      status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
  );
  const ask = async (pod: Pod): Promise<PodFigures[]> => {
    const { namespace = '', name } = pod.metadata;
    const page = (port: number, path: string, without: string): Promise<string | undefined> =>
      podPage(config, { namespace, name, port }, path).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        context.stderr.write(`${without}: ${why}\n`);
        return undefined;
      });
    const [figures, metrics] = await Promise.all([
      page(PORTS.debug, '/debug/figures', `Pod ${name} is left out`),
      // Of some agents only scrapers with a token read metrics.
      page(PORTS.metrics, '/metrics', `Tokens of pod ${name} are not known`),
    ]);
    return figures === undefined ? [] : [podFigures(figures, metrics)];
  };
  return (await Promise.all(running.map(ask))).flat();
}
