import { setTimeout } from 'node:timers/promises';
import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../crds/generated/types.ts';
import type { Option, Values } from '../terminal/command.ts';
import { durationOf } from './duration.ts';
import { conditionOf, type Policy } from '../view/world.ts';
import { RETRIES, type Cluster } from './cluster.ts';
import { findPolicy } from './find.ts';
import type { Read, Resource } from './kube.ts';
import { Breakers, Limits } from './resources.ts';

const POLL_MS = 100;

/** Timeout of the wait for pods. */
export const TIMEOUT = {
  timeout: {
    type: 'string',
    default: '30s',
    value: 'DURATION',
    help: 'how long to wait until all pods have taken it (30s)',
  },
} satisfies Record<string, Option>;

export function timeoutOf(values: Values): number {
  return durationOf(values['timeout'] as string, '--timeout');
}

/** A kind of policy that commands change. */
export interface PolicyKind<P extends Policy> {
  kind: P['kind'];
  resource: Resource<P, Read | 'get' | 'patch'>;
}

export const BREAKER: PolicyKind<CircuitBreakerPolicy> = {
  kind: 'CircuitBreakerPolicy',
  resource: Breakers,
};
export const LIMIT: PolicyKind<RateLimitPolicy> = { kind: 'RateLimitPolicy', resource: Limits };

export interface Edit<P extends Policy> {
  /** Merge patch of the spec. null removes a field. */
  spec: object;
  timeoutMs: number;
  /** Whether the policy is in the desired state, once all its pods run this spec. */
  isDone: (policy: P) => boolean;
}

/** The policy of this name in the cluster's namespace. Throws an Error if there is none. */
export async function readPolicy<P extends Policy>(
  { client, namespace }: Cluster,
  { kind, resource }: PolicyKind<P>,
  name: string,
): Promise<P> {
  const policies = await client.list(resource, { namespace, retries: RETRIES });
  return findPolicy(kind, name, policies, { namespace });
}

/** Changes the spec of a policy and waits for its pods to apply it; `done` is false if the time runs out. */
export async function editPolicy<P extends Policy>(
  cluster: Cluster,
  of: PolicyKind<P>,
  name: string,
  { spec, timeoutMs, isDone }: Edit<P>,
): Promise<{ policy: P; done: boolean }> {
  const { metadata } = await readPolicy(cluster, of, name);
  const { client } = cluster;
  const at = [metadata.namespace, metadata.name] as const;
  let policy = await client.mergePatch(of.resource, ...at, { spec }, { retries: RETRIES });
  const { generation = 0 } = policy.metadata;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (isInForce(policy, generation) && isDone(policy)) return { policy, done: true };
    if (performance.now() > deadline) return { policy, done: false };
    await setTimeout(POLL_MS);
    policy = (await client.get(of.resource, ...at)) ?? policy;
  }
}

/** Whether every pod runs that generation of the policy or a later one. */
function isInForce(policy: Policy, generation: number): boolean {
  const { observedGeneration = 0 } = policy.status ?? {};
  return observedGeneration >= generation && conditionOf(policy, 'Programmed')?.status === 'True';
}

/** Message of Programmed while some pods have not applied an edit. */
export function pending(policy: Policy): string {
  const why = conditionOf(policy, 'Programmed')?.message ?? 'The operator has not answered.';
  return `Not in force in every pod yet: ${why}\n`;
}
