import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import { editBreaker, pending, TIMEOUT, timeoutOf } from '../cluster/editBreaker.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { durationOf } from '../cluster/duration.ts';

/** Longest reason that the API takes. */
const MAX_REASON = 128;

function override(state: 'Open' | 'Closed', summary: string): Command {
  return {
    summary,
    positional: 'POLICY',
    subject: 'breaker',
    options: {
      ...CLUSTER_OPTIONS,
      for: {
        type: 'string',
        value: 'DURATION',
        help: 'how long, such as 10m or 1d; pods end it themselves',
      },
      reason: { type: 'string', value: 'TEXT', help: 'why, for status and Events' },
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
  const ms = durationOf(values['for'] as string, '--for');
  const reason = values['reason'] as string | undefined;
  if (reason !== undefined && reason.length > MAX_REASON) {
    throw new Error(`--reason has ${reason.length} characters; at most ${MAX_REASON} fit`);
  }
  const expiresAt = new Date(context.date().getTime() + ms).toISOString().replace(/\.\d+Z$/, 'Z');
  const timeoutMs = timeoutOf(values);
  return withCluster(call, async (cluster) => {
    const name = call.positionals[0]!;
    // null removes the reason of an earlier override.
    const spec = { override: { state, expiresAt, reason: reason ?? null } };
    const { policy, done } = await editBreaker(cluster, name, {
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
