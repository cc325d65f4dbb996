import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import { observe } from '../cluster/observe.ts';
import { coloured, EXIT, print, widthOf, type Command } from '../terminal/command.ts';
import { timeline, tripsOf } from '../view/trips.ts';

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
      const [name] = positionals;
      const limit = Number(values['limit']);
      if (!Number.isInteger(limit) || limit < 1) throw new Error('--limit must be 1 or more');
      const shown = tripsOf(await observe(cluster))
        .filter(({ agent, policy }) => name === undefined || name === agent || name === policy)
        .slice(0, limit);
      print(call, { trips: shown }, () =>
        shown.length === 0
          ? ['No circuit under a policy has changed.']
          : timeline(shown, {
              now: context.date(),
              width: widthOf(context),
              colours: coloured(context),
              namespaces: values['all-namespaces'] === true,
            }),
      );
      return EXIT.fine;
    }),
};
