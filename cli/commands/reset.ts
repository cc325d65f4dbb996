import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { editBreaker, pending, readBreaker, TIMEOUT, timeoutOf } from '../cluster/editBreaker.ts';
import { EXIT, type Command } from '../terminal/command.ts';

export const reset: Command = {
  summary: 'end an override of a policy and close all its circuits once',
  positional: 'POLICY',
  subject: 'breaker',
  options: { ...CLUSTER_OPTIONS, ...TIMEOUT },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, positionals, values } = call;
      const before = await readBreaker(cluster, positionals[0]!);
      const token = `reset-${context.date().toISOString()}`;
      const timeoutMs = timeoutOf(values);
      // The first token that a pod sees is no change, so one that is to be changed has to be there.
      const first = before.spec.resetToken === undefined;
      if (first) await handToken(cluster, before, `before-${token}`, timeoutMs);
      const { policy, done } = await handToken(cluster, before, token, timeoutMs);
      const { total = 0 } = policy.status?.pods ?? {};
      const ended = before.spec.override === undefined ? '' : ' The override is removed.';
      context.stdout.write(
        done
          ? `CircuitBreakerPolicy ${before.metadata.name} has closed its circuits in ${total} pods.${ended}\n`
          : pending(policy),
      );
      return done ? EXIT.fine : EXIT.amiss;
    }),
};

function handToken(
  cluster: Cluster,
  { metadata }: CircuitBreakerPolicy,
  resetToken: string,
  timeoutMs: number,
): ReturnType<typeof editBreaker> {
  return editBreaker(cluster, metadata.name, {
    spec: { resetToken, override: null },
    timeoutMs,
    isDone: ({ status }) =>
      status?.lastHandledResetToken === resetToken || status?.pods?.total === 0,
  });
}
