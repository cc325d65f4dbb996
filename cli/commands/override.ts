import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import { BREAKER, editPolicy, pending, TIMEOUT, timeoutOf } from '../cluster/editPolicy.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { endOf, FOR } from '../cluster/overrideEnd.ts';

function override(state: 'Open' | 'Closed', summary: string): Command {
  return {
    summary,
    positional: 'POLICY',
    subject: 'breaker',
    options: {
      ...CLUSTER_OPTIONS,
      ...FOR,
      ...TIMEOUT,
    },
    required: ['for'],
    run: (call) => hold(call, state),
  };
}

/** Spec.override holds every circuit of the policy in a state, whatever its calls do. */
export const open = override('Open', 'hold the circuits of a policy open for a time');
export const close = override('Closed', 'hold the circuits of a policy closed for a time');

function hold(call: Call, state: 'Open' | 'Closed'): Promise<number> {
  const { values, context } = call;
  const { expiresAt, reason } = endOf(call);
  const timeoutMs = timeoutOf(values);
  return withCluster(call, async (cluster) => {
    const name = call.positionals[0]!;
    const spec = { override: { state, expiresAt, reason } };
    const { policy, done } = await editPolicy(cluster, BREAKER, name, {
      spec,
      timeoutMs,
      isDone: ({ status }) => status?.state === state || status?.pods?.total === 0,
    });
    context.stdout.write(done ? held(policy, expiresAt) : pending(policy));
    return done ? EXIT.fine : EXIT.problem;
  });
}

function held({ metadata, spec, status }: CircuitBreakerPolicy, expiresAt: string): string {
  const word = spec.override?.state === 'Open' ? 'open' : 'closed';
  const { programmed = 0, total = 0 } = status?.pods ?? {};
  return `CircuitBreakerPolicy ${metadata.name} holds its circuits ${word} until ${expiresAt}, in ${programmed}/${total} pods.\n`;
}
