import type { Limit } from '../../../contract/generated/types.ts';
import type {
  AgentDeployment,
  RateLimitPolicy,
  RateLimitPolicySpec,
} from '../../../crds/generated/types.ts';
import { parsePositiveDuration } from '../common/duration.ts';
import { requires } from '../common/features.ts';
import { MAX_SURGE } from '../common/metadata.ts';

/**
 * The limits that a policy puts on a target of an agent: inbound, or a dependency. Throws an InvalidSpecError for what the
 * schema should have refused.
 */
export function resolveLimits(
  target: string,
  { metadata, spec }: RateLimitPolicy,
  agent: Pick<AgentDeployment['spec'], 'replicas' | 'autoscaling'>,
): Limit[] {
  return spec.limits.map((limit, index) => ({
    target,
    policy: metadata.name,
    name: limit.name,
    resource: limit.resource,
    refill: {
      amount: limit.refill.amount,
      perMs: parsePositiveDuration(limit.refill.per, `spec.limits[${index}].refill.per`),
    },
    capacity: limit.capacity,
    ...keyed(limit),
    maxKeys: limit.maxKeys,
    onLimit: limit.onLimit,
    maxWaitMs: parsePositiveDuration(limit.maxWait, `spec.limits[${index}].maxWait`),
    mode: spec.mode,
    ...fleet(spec, agent),
    requires: requires(
      `Limit.${limit.resource}`,
      limit.key?.header !== undefined && 'Limit.Key',
      limit.key?.principal === true && 'Limit.Principal',
      limit.onLimit === 'Queue' && 'Limit.Queue',
      spec.mode === 'Shadow' && 'Limit.Shadow',
      spec.scope === 'Fleet' && 'Limit.Fleet',
    ),
  }));
}

function fleet(
  { scope, fleet: shared }: RateLimitPolicySpec,
  agent: Pick<AgentDeployment['spec'], 'replicas' | 'autoscaling'>,
): Pick<Limit, 'fleet'> {
  if (scope !== 'Fleet') return {};
  const { withoutLeader = 'SafeShare' } = shared ?? {};
  return { fleet: { withoutLeader, maxPods: mostPods(agent) } };
}

/** Replicas, one more while a roll-out goes on, and as many that end: they finish their requests. */
export function mostPods({
  replicas,
  autoscaling,
}: Pick<AgentDeployment['spec'], 'replicas' | 'autoscaling'>): number {
  const most = autoscaling?.maxReplicas ?? replicas;
  return 2 * most + MAX_SURGE;
}

type LimitSpec = RateLimitPolicySpec['limits'][number];

function keyed({ key }: LimitSpec): Pick<Limit, 'key'> {
  if (key === undefined) return {};
  if (key.header === undefined) return { key: { principal: true } };
  return { key: { header: key.header.toLowerCase() } };
}
