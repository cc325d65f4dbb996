import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import {
  BREAKER,
  editPolicy,
  pending,
  readPolicy,
  TIMEOUT,
  timeoutOf,
} from '../cluster/editPolicy.ts';
import { EXIT, type Command } from '../terminal/command.ts';

export const reset: Command = {
  summary: 'end an override of a policy, close all its circuits and open its gates, once',
  positional: 'POLICY',
  subject: 'breaker',
  options: { ...CLUSTER_OPTIONS, ...TIMEOUT },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, positionals, values } = call;
      const before = await readPolicy(cluster, BREAKER, positionals[0]!);
      const token = `reset-${context.date().toISOString()}`;
      const timeoutMs = timeoutOf(values);
      const { policy, done } = await editPolicy(cluster, BREAKER, before.metadata.name, {
        spec: { resetToken: token, override: null },
        timeoutMs,
        isDone: ({ status }) =>
          status?.lastHandledResetToken === token || status?.pods?.total === 0,
      });
      const { total = 0 } = policy.status?.pods ?? {};
      const ended = before.spec.override === undefined ? '' : ' The override is removed.';
      context.stdout.write(
        done
          ? `CircuitBreakerPolicy ${before.metadata.name} has closed its circuits in ${total} ${total === 1 ? 'pod' : 'pods'}.${ended}\n`
          : pending(policy),
      );
      return done ? EXIT.fine : EXIT.problem;
    }),
};
