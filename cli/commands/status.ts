import { setTimeout } from 'node:timers/promises';
import { ALL_NAMESPACES, CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { placeOf, withCluster, type Cluster } from '../cluster/cluster.ts';
import { nameOf } from '../cluster/find.ts';
import { follow, observe } from '../cluster/observe.ts';
import { coloured, EXIT, print, widthOf, type Call, type Command } from '../terminal/command.ts';
import { LiveScreen } from '../terminal/liveScreen.ts';
import { statusRows, statusTable, type StatusRow } from '../view/statusTable.ts';
import { type World } from '../view/world.ts';

/** Interval between two updates of ages and times, in milliseconds. */
const TICK_MS = 1000;

export const status: Command = {
  summary: 'show agents, circuits, gates, limits and pods',
  positional: '[AGENT]',
  subject: 'agent',
  options: {
    ...CLUSTER_OPTIONS,
    ...ALL_NAMESPACES,
    ...OUTPUT,
    watch: { type: 'boolean', short: 'w', help: 'go on showing them until Ctrl-C' },
  },
  run: (call) =>
    withCluster(call, (cluster) =>
      call.values['watch'] ? watch(call, cluster) : once(call, cluster),
    ),
};

async function once(call: Call, cluster: Cluster): Promise<number> {
  const rows = existing(call, cluster, await observe(cluster));
  print(call, { rows }, () => linesOf(call, rows));
  return exitOf(rows);
}

/** Throws an Error if the agent does not exist. */
function existing(call: Call, cluster: Cluster, world: World): StatusRow[] {
  const rows = rowsFor(call, world);
  const [agent] = call.positionals;
  if (agent === undefined || rows.length > 0) return rows;
  throw new Error(`There is no agent ${agent} in ${placeOf(cluster)}.`);
}

async function watch(call: Call, cluster: Cluster): Promise<number> {
  const signal = call.context.interrupted();
  let wake = (): void => undefined;
  const follower = await follow(cluster, signal, () => wake());
  const view = viewOf(call);
  try {
    existing(call, cluster, follower.world());
    while (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      view.show(rowsFor(call, follower.world()), follower.problem());
      await Promise.race([promise, setTimeout(TICK_MS, undefined, { signal })]);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    view.close();
    follower.close();
  }
  return exitOf(rowsFor(call, follower.world()));
}

/** Shows a changing table. */
interface View {
  show(rows: readonly StatusRow[], problem: string | undefined): void;
  close(): void;
}

/** Redraws the table on a terminal. Elsewhere prints the rows at each change. */
function viewOf(call: Call): View {
  const { stdout } = call.context;
  if (stdout.isTTY !== true || isData(call)) return logView(call);
  const screen = new LiveScreen(stdout);
  let last: string[] = [];
  return {
    show: (rows, problem) => {
      last = linesOf(call, rows);
      screen.show([...last, ...(problem === undefined ? [] : ['', problem])]);
    },
    close: () => {
      screen.close();
      stdout.write(last.map((line) => `${line}\n`).join(''));
    },
  };
}

function isData({ values: { output } }: Call): boolean {
  return output === 'json' || output === 'yaml';
}

function logView(call: Call): View {
  const { stdout } = call.context;
  let told: string | undefined;
  return {
    show: (rows) => {
      const text = JSON.stringify({ rows });
      if (text === told) return;
      told = text;
      if (call.values['output'] === 'json') stdout.write(`${text}\n`);
      else print(call, { rows }, () => linesOf(call, rows));
      if (call.values['output'] !== 'json') stdout.write(isData(call) ? '---\n' : '\n');
    },
    close: () => undefined,
  };
}

function exitOf(rows: readonly StatusRow[]): number {
  return rows.some(({ level }) => level !== 'ok') ? EXIT.problem : EXIT.fine;
}

function rowsFor({ positionals: [text] }: Call, world: World): StatusRow[] {
  const rows = statusRows(world);
  if (text === undefined) return rows;
  const agent = nameOf(text, 'AgentDeployment');
  return rows.filter((row) => row.agent === agent);
}

function linesOf(call: Call, rows: readonly StatusRow[]): string[] {
  if (rows.length === 0) return ['No agents and no policies.'];
  const { context, values } = call;
  return statusTable(rows, {
    now: context.date(),
    width: widthOf(call),
    colours: coloured(context),
    namespaces: values['all-namespaces'] === true,
  });
}
