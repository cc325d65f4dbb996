import { placeOf, RETRIES, withCluster } from '../cluster/cluster.ts';
import { nameOf } from '../cluster/find.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { Agents } from '../cluster/resources.ts';
import { coloured, EXIT, print, widthOf, type Command } from '../terminal/command.ts';
import { securityOf, securityTable } from '../view/securityTable.ts';

export const security: Command = {
  summary: 'show incidents of agents: totals by level and type, and those that are open',
  positional: '[AGENT]',
  subject: 'object',
  options: { ...CLUSTER_OPTIONS, ...ALL_NAMESPACES, ...OUTPUT },
  run: (call) =>
    withCluster(call, async ({ client, namespace }) => {
      const { context, positionals } = call;
      const [text] = positionals;
      const name = text === undefined ? undefined : nameOf(text, 'AgentDeployment');
      const where = namespace === undefined ? {} : { namespace };
      const agents = await client.list(Agents, { ...where, retries: RETRIES });
      const found = agents.filter(({ metadata }) => name === undefined || metadata.name === name);
      if (name !== undefined && found.length === 0) {
        throw new Error(`There is no agent ${name} in ${placeOf(where)}.`);
      }
      const views = found.map(securityOf);
      print(call, { agents: views }, () =>
        securityTable(views, {
          now: context.date(),
          width: widthOf(call),
          colours: coloured(context),
        }),
      );
      return EXIT.fine;
    }),
};
