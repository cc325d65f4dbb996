import type { RateLimitPolicy } from '../../crds/generated/types.ts';
import { durationOf } from '../cluster/duration.ts';
import {
  editPolicy,
  LIMIT,
  pending,
  readPolicy,
  TIMEOUT,
  timeoutOf,
} from '../cluster/editPolicy.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster } from '../cluster/cluster.ts';
import { endOf, FOR } from '../cluster/overrideEnd.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { conditionOf } from '../view/world.ts';

type Override = NonNullable<RateLimitPolicy['spec']['override']>;

/** Spec.override gives a limit other figures until a time. */
export const limit: Command = {
  summary: 'give a limit of a policy another rate for a time',
  positional: 'POLICY',
  subject: 'limit',
  options: {
    ...CLUSTER_OPTIONS,
    rate: {
      type: 'string',
      value: 'RATE',
      help: 'amount in each period, such as 5/s, 300/m or 100/10s',
    },
    capacity: { type: 'string', value: 'AMOUNT', help: 'largest burst (that of the limit)' },
    limit: { type: 'string', value: 'NAME', help: 'which limit, if the policy has several' },
    ...FOR,
    end: { type: 'boolean', help: 'end an override now' },
    ...TIMEOUT,
  },
  run: (call) => withCluster(call, (cluster) => (call.values['end'] ? end : hold)(call, cluster)),
};

type Run = (call: Call, cluster: Parameters<typeof readPolicy>[0]) => Promise<number>;

const hold: Run = async (call, cluster) => {
  const before = await readPolicy(cluster, LIMIT, call.positionals[0]!);
  const override = overrideOf(call, before);
  const { policy, done } = await editPolicy(cluster, LIMIT, before.metadata.name, {
    spec: { override },
    timeoutMs: timeoutOf(call.values),
    isDone: (each) => conditionOf(each, 'LimitsOverridden')?.status === 'True' || !hasPods(each),
  });
  const { name, refill } = override.limits[0]!;
  const { programmed = 0, total = 0 } = policy.status?.pods ?? {};
  const rate = `${refill.amount} per ${refill.per} until ${override.expiresAt}`;
  const message = `RateLimitPolicy ${before.metadata.name} holds ${name} at ${rate}, in ${programmed}/${total} pods.\n`;
  call.context.stdout.write(done ? message : pending(policy));
  return done ? EXIT.fine : EXIT.problem;
};

const end: Run = async (call, cluster) => {
  const { policy, done } = await editPolicy(cluster, LIMIT, call.positionals[0]!, {
    spec: { override: null },
    timeoutMs: timeoutOf(call.values),
    isDone: (each) => conditionOf(each, 'LimitsOverridden') === undefined,
  });
  const message = `RateLimitPolicy ${policy.metadata.name} has its own figures.\n`;
  call.context.stdout.write(done ? message : pending(policy));
  return done ? EXIT.fine : EXIT.problem;
};

function hasPods({ status }: RateLimitPolicy): boolean {
  return status?.pods?.total !== 0;
}

/**
 * The override of a command line, which replaces an earlier one.
 * @throws Error that says what to write instead
 */
export function overrideOf(
  call: Pick<Call, 'values' | 'context'>,
  policy: Pick<RateLimitPolicy, 'metadata' | 'spec'>,
): Omit<Override, 'reason'> & { reason: string | null } {
  const { values } = call;
  for (const needed of ['rate', 'for']) {
    if (values[needed] === undefined) {
      throw new Error('breakwater limit needs --rate RATE and --for DURATION, or --end');
    }
  }
  const capacity = values['capacity'] as string | undefined;
  return {
    limits: [
      {
        name: nameIn(policy, values['limit'] as string | undefined),
        refill: rateOf(values['rate'] as string),
        ...(capacity !== undefined && { capacity: amountOf(capacity, '--capacity') }),
      },
    ],
    ...endOf(call),
  };
}

function nameIn(
  { metadata, spec }: Pick<RateLimitPolicy, 'metadata' | 'spec'>,
  name: string | undefined,
): string {
  const names = spec.limits.map((each) => each.name);
  const chosen = name ?? (names.length === 1 ? names[0] : undefined);
  if (chosen !== undefined && names.includes(chosen)) return chosen;
  throw new Error(
    `RateLimitPolicy ${metadata.name} has the limits ${names.join(', ')}; write one as --limit NAME`,
  );
}

function rateOf(text: string): Override['limits'][number]['refill'] {
  const [, amount, per] = /^(\d+)\/(\d*(?:d|h|m|s|ms))$/.exec(text) ?? [];
  if (amount === undefined || per === undefined) {
    throw new Error(`--rate is ${JSON.stringify(text)}; write an amount and a period, such as 5/s`);
  }
  const period = /^\d/.test(per) ? per : `1${per}`;
  // Manifests take no days.
  const ms = durationOf(period, '--rate');
  return {
    amount: amountOf(amount, '--rate'),
    per: period.endsWith('d') ? `${ms / 3.6e6}h` : period,
  };
}

function amountOf(text: string, option: string): number {
  const amount = Number(text);
  if (Number.isInteger(amount) && amount >= 1 && amount <= MAX_AMOUNT) return amount;
  throw new Error(`${option} is ${text}; write a whole number from 1 to ${MAX_AMOUNT}`);
}

/** Of the API. */
const MAX_AMOUNT = 1_000_000_000;
