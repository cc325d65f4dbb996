import type { Limit } from '../../../contract/generated/types.ts';
import type {
  AgentDeployment,
  RateLimitPolicy,
  RateLimitPolicySpec,
} from '../../../crds/generated/types.ts';
import { parsePositiveDuration, parseTime } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { requires } from '../common/features.ts';
import { MAX_SURGE } from '../common/metadata.ts';

type LimitSpec = RateLimitPolicySpec['limits'][number];
type Sized = Pick<AgentDeployment['spec'], 'replicas' | 'autoscaling'>;

/** The schema's defaults of spec.fleet. */
const FLEET = { withoutLeader: 'SafeShare', storeTimeout: '250ms' } as const;

/**
 * The limits of a policy for a target of an agent: inbound, or a dependency.
 *
 * @throws InvalidSpecError for a value that the schema should have refused
 */
export function resolveLimits(
  target: string,
  { metadata, spec }: RateLimitPolicy,
  agent: Sized,
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
    ...overridden(spec.override, limit),
    ...keyed(limit),
    maxKeys: limit.maxKeys,
    onLimit: limit.onLimit,
    maxWaitMs: parsePositiveDuration(limit.maxWait, `spec.limits[${index}].maxWait`),
    mode: spec.mode,
    ...fleet(spec, limit, agent),
    requires: requires(
      `Limit.${limit.resource}`,
      limit.key?.header !== undefined && 'Limit.Key',
      isByClient(limit.key) && 'Limit.Client',
      limit.onLimit === 'Queue' && 'Limit.Queue',
      spec.mode === 'Shadow' && 'Limit.Shadow',
      spec.scope === 'Fleet' && 'Limit.Fleet',
      isStored(spec, limit) && 'Limit.Store',
    ),
  }));
}

function overridden(
  override: RateLimitPolicySpec['override'],
  { name, capacity }: LimitSpec,
): Pick<Limit, 'override'> {
  const figures = override?.limits.find((each) => each.name === name);
  if (override === undefined || figures === undefined) return {};
  const { refill, capacity: most = capacity } = figures;
  const perMs = parsePositiveDuration(refill.per, `spec.override.limits[${name}].refill.per`);
  return {
    override: {
      refill: { amount: refill.amount, perMs },
      capacity: most,
      ...(override.expiresAt !== undefined && {
        expiresAt: parseTime(override.expiresAt, 'spec.override.expiresAt'),
      }),
    },
  };
}

function fleet(spec: RateLimitPolicySpec, limit: LimitSpec, agent: Sized): Pick<Limit, 'fleet'> {
  if (spec.scope !== 'Fleet') return {};
  const { withoutLeader, storeTimeout } = spec.fleet ?? FLEET;
  const store = isStored(spec, limit) ? 'Redis' : 'Leader';
  if (limit.key !== undefined && store === 'Leader') {
    throw new InvalidSpecError(
      'Invalid',
      `spec.limits[${limit.name}] has a key and scope Fleet; set fleet.store to Redis, set scope to Pod, or remove key`,
    );
  }
  const storeTimeoutMs = parsePositiveDuration(storeTimeout, 'spec.fleet.storeTimeout');
  return { fleet: { store, storeTimeoutMs, withoutLeader, maxPods: mostPods(agent) } };
}

/** Whether the agent's Redis holds the buckets of the limit. */
function isStored({ scope, fleet: shared }: RateLimitPolicySpec, { key }: LimitSpec): boolean {
  return scope === 'Fleet' && shared?.store === 'Redis' && key !== undefined;
}

/** Whether targeted agents need a Redis. */
export function needsStore({ spec }: RateLimitPolicy): boolean {
  return spec.limits.some((limit) => isStored(spec, limit));
}

/** Names of the limits with a bucket for each client. */
export function clientLimits({ spec }: RateLimitPolicy): string[] {
  return spec.limits.filter(({ key }) => isByClient(key)).map(({ name }) => name);
}

/** Greatest number of pods: the replicas, one more during a rollout, and as many that finish their requests. */
export function mostPods({ replicas, autoscaling }: Sized): number {
  const most = autoscaling?.maxReplicas ?? replicas;
  return 2 * most + MAX_SURGE;
}

/** Greatest number of pods that share a provider's limit of a key; 1 for a single replica, also while it is replaced. */
export function podsWithKey(agent: Sized): number {
  const most = agent.autoscaling?.maxReplicas ?? agent.replicas;
  return most <= 1 ? 1 : mostPods(agent);
}

function keyed({ key }: LimitSpec): Pick<Limit, 'key'> {
  if (key === undefined) return {};
  if (isByClient(key)) return { key: { type: 'Client' } };
  // The definition requires one; an object stored under an earlier definition may lack it.
  return key.header === undefined ? {} : { key: { header: key.header.toLowerCase() } };
}

function isByClient(key: LimitSpec['key']): boolean {
  return key?.type === 'Client' || key?.principal === true;
}
