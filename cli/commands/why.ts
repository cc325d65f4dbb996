import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { placeOf, withCluster } from '../cluster/cluster.ts';
import { find } from '../cluster/find.ts';
import { observe } from '../cluster/observe.ts';
import { EXIT, print, widthOf, type Command } from '../terminal/command.ts';
import { wrap } from '../view/columns.ts';
import { explain, explainAll } from '../view/why.ts';

export const why: Command = {
  summary: 'say what is refused, by what, since when, and what to do',
  positional: '[AGENT|POLICY]',
  subject: 'object',
  options: { ...CLUSTER_OPTIONS, ...ALL_NAMESPACES, ...OUTPUT },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, positionals } = call;
      const world = await observe(cluster);
      const [name] = positionals;
      const now = context.date();
      const all =
        name === undefined
          ? explainAll(world, now)
          : find(name, world, cluster).map((object) => explain(object, world, now));
      const nothing = `Nothing is refused in ${placeOf(cluster)}: ${world.agents.length} agents.`;
      print(call, { explanations: all }, () =>
        all.length === 0 ? [nothing] : all.flatMap(({ text }) => wrap(text, widthOf(call))),
      );
      return all.some(({ refused }) => refused) ? EXIT.problem : EXIT.fine;
    }),
};
