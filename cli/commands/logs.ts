import { CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { findPods } from '../cluster/findPods.ts';
import { podLog, type LogOptions } from '../cluster/podLog.ts';
import { requestLines } from '../cluster/requestLines.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { durationOf } from '../cluster/duration.ts';
import { logLine } from '../view/logLine.ts';
import type { PodLine } from '../view/requestLog.ts';

export const logs: Command = {
  summary: "print the log of an agent's pods, or of one pod",
  positional: 'AGENT|POD',
  subject: 'agent',
  options: {
    ...CLUSTER_OPTIONS,
    output: {
      ...OUTPUT.output,
      choices: ['json'],
      help: 'json: print the lines as the pods wrote them',
    },
    follow: { type: 'boolean', short: 'f', help: 'go on until Ctrl-C' },
    since: { type: 'string', value: 'DURATION', help: 'lines of the last time only, such as 10m' },
    tail: {
      type: 'string',
      value: 'COUNT',
      help: 'last lines of each pod (100, or all with --since)',
    },
    request: {
      type: 'string',
      value: 'ID',
      help: "lines of this request only, by its id, the provider's, or its trace's",
    },
  },
  run: (call) => {
    const run = call.values['request'] === undefined ? print : find;
    return withCluster(call, (cluster) => run(call, cluster));
  },
};

async function print(call: Call, cluster: Cluster): Promise<number> {
  const { context, values, positionals } = call;
  const signal = context.interrupted();
  const pods = await findPods(cluster, positionals[0]!);
  const span = spanOf(call);
  const options = {
    ...(span.sinceSeconds === undefined && { tailLines: DEFAULT_TAIL }),
    ...span,
    follow: values['follow'] === true,
    signal,
  };
  await Promise.all(
    pods.map(async (pod) => {
      const { name } = pod.metadata;
      try {
        for await (const line of podLog(cluster, pod, options)) {
          write(call, { pod: name, line }, pods.length > 1);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }),
  );
  return EXIT.fine;
}

async function find(call: Call, cluster: Cluster): Promise<number> {
  const { context, values, positionals } = call;
  if (values['follow'] === true) throw new Error('--request looks back: leave --follow out');
  const pods = await findPods(cluster, positionals[0]!);
  const signal = context.interrupted();
  const options = { ...spanOf(call), signal };
  const found = await requestLines(cluster, pods, String(values['request']), options);
  for (const each of found) write(call, each, pods.length > 1);
  return found.length > 0 ? EXIT.fine : EXIT.problem;
}

const DEFAULT_TAIL = 100;

/** Which lines of each pod are asked for. */
function spanOf({ values }: Call): Pick<LogOptions, 'tailLines' | 'sinceSeconds'> {
  const { tail, since } = values;
  const tailLines = Number(tail);
  if (tail !== undefined && !(Number.isInteger(tailLines) && tailLines >= 0)) {
    throw new Error('--tail must be a number');
  }
  return {
    ...(tail !== undefined && { tailLines }),
    ...(since !== undefined && {
      sinceSeconds: Math.ceil(durationOf(String(since), '--since') / 1000),
    }),
  };
}

function write({ context, values }: Call, { pod, line }: PodLine, prefixed: boolean): void {
  const shown = values['output'] === 'json' ? line : logLine(line);
  context.stdout.write(`${prefixed ? `[${pod}] ` : ''}${shown}\n`);
}
