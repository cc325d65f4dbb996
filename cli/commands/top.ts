import { PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { placeOf, withCluster, type Cluster } from '../cluster/cluster.ts';
import { nameOf } from '../cluster/find.ts';
import { observe } from '../cluster/observe.ts';
import { podPage } from '../cluster/podPage.ts';
import { EXIT, print, widthOf, type Call, type Command } from '../terminal/command.ts';
import { topTable, usageOf, type Usage } from '../view/top.ts';
import { podsOf, type World } from '../view/world.ts';

export const top: Command = {
  summary: 'show requests, tokens and latency of each agent since its pods started',
  positional: '[AGENT]',
  subject: 'agent',
  options: { ...CLUSTER_OPTIONS, ...ALL_NAMESPACES, ...OUTPUT },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, values, positionals } = call;
      const world = await observe(cluster);
      const [text] = positionals;
      const name = text === undefined ? undefined : nameOf(text, 'AgentDeployment');
      const agents = world.agents.filter(({ metadata }) => !name || metadata.name === name);
      if (name !== undefined && agents.length === 0) {
        throw new Error(`There is no agent ${name} in ${placeOf(cluster)}.`);
      }
      const usages: Usage[] = [];
      for (const agent of agents) {
        usages.push(usageOf(agent, await metricsOf(agent, world, cluster, call)));
      }
      print(call, { agents: usages }, () =>
        usages.length === 0
          ? ['No agents.']
          : topTable(usages, {
              width: widthOf(context),
              namespaces: values['all-namespaces'] === true,
            }),
      );
      return EXIT.fine;
    }),
};

/** Metrics of the agent's running pods. If a pod does not answer, warns the user and returns undefined. */
async function metricsOf(
  agent: AgentDeployment,
  world: World,
  { config }: Cluster,
  { context }: Call,
): Promise<string[] | undefined> {
  const running = podsOf(world, agent).filter(
    ({ metadata, status }) =>
      status?.phase === 'Running' && metadata.deletionTimestamp === undefined,
  );
  const pages = running.map(({ metadata: { namespace = '', name } }) =>
    podPage(config, { namespace, name, port: PORTS.metrics }, '/metrics'),
  );
  try {
    return await Promise.all(pages);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.stderr.write(`Tokens of ${agent.metadata.name} are not known: ${why}\n`);
    return undefined;
  }
}
