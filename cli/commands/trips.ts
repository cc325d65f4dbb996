import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { observe } from '../cluster/observe.ts';
import { find } from '../cluster/find.ts';
import { coloured, EXIT, print, widthOf, type Command } from '../terminal/command.ts';
import { timeline, tripsOf, type Trip } from '../view/trips.ts';
import type { World } from '../view/world.ts';

export const trips: Command = {
  summary: 'show the last changes of circuits in all pods as a timeline',
  positional: '[AGENT|POLICY]',
  subject: 'object',
  options: {
    ...CLUSTER_OPTIONS,
    ...ALL_NAMESPACES,
    ...OUTPUT,
    limit: { type: 'string', default: '40', value: 'COUNT', help: 'at most so many (40)' },
  },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, values, positionals } = call;
      const [text] = positionals;
      const limit = Number(values['limit']);
      if (!Number.isInteger(limit) || limit < 1) throw new Error('--limit must be 1 or more');
      const world = await observe(cluster);
      const shown = tripsOf(world)
        .filter(text === undefined ? () => true : isOf(text, world, cluster))
        .slice(0, limit);
      print(call, { trips: shown }, () =>
        shown.length === 0
          ? ['No circuit under a policy has changed.']
          : timeline(shown, {
              now: context.date(),
              width: widthOf(call),
              colours: coloured(context),
              namespaces: values['all-namespaces'] === true,
            }),
      );
      return EXIT.fine;
    }),
};

/** Whether a trip concerns the agents or policies that the text names. Throws an Error if there are none. */
function isOf(text: string, world: World, cluster: Cluster): (trip: Trip) => boolean {
  const [found] = find(text, world, cluster);
  const { kind, metadata } = found!;
  const { name } = metadata;
  if (!text.includes('/')) return ({ agent, policy }) => agent === name || policy === name;
  return kind === 'AgentDeployment'
    ? ({ agent }) => agent === name
    : ({ policy }) => policy === name;
}
