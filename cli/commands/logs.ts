import { CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import { findPods } from '../cluster/findPods.ts';
import { podLog } from '../cluster/podLog.ts';
import { EXIT, type Command } from '../terminal/command.ts';
import { logLine } from '../view/logLine.ts';

export const logs: Command = {
  summary: "print the log of an agent's pods, or of one pod",
  positional: 'AGENT|POD',
  subject: 'agent',
  options: {
    ...CLUSTER_OPTIONS,
    output: { ...OUTPUT.output, help: 'print the lines as the pods wrote them' },
    follow: { type: 'boolean', help: 'go on until Ctrl-C' },
    tail: { type: 'string', default: '100', value: 'COUNT', help: 'last lines of each pod (100)' },
  },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, values, positionals } = call;
      const { stdout } = context;
      const signal = context.interrupted();
      const tailLines = Number(values['tail']);
      if (!Number.isInteger(tailLines) || tailLines < 0) throw new Error('--tail must be a number');
      const pods = await findPods(cluster, positionals[0]!);
      const shown = values['output'] === 'json' ? (line: string) => line : logLine;
      const options = { tailLines, follow: values['follow'] === true, signal };
      await Promise.all(
        pods.map(async (pod) => {
          const prefix = pods.length > 1 ? `[${pod.metadata.name}] ` : '';
          try {
            for await (const line of podLog(cluster, pod, options)) {
              stdout.write(`${prefix}${shown(line)}\n`);
            }
          } catch (error) {
            if (!signal.aborted) throw error;
          }
        }),
      );
      return EXIT.fine;
    }),
};
