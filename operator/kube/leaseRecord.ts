import { microTime } from './clock.ts';
import type { Lease } from './types.ts';

/** The fields by which an elector claims a lease. */
export interface LeaseClaim {
  namespace: string;
  name: string;
  identity: string;
  leaseDurationMs: number;
  nowMs: number;
}

/** A new lease. It continues the count of transitions of a deleted one, if this process has seen that. */
export function newLease(claim: LeaseClaim, deleted: Lease | undefined): Lease {
  const { namespace, name } = claim;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { namespace, name },
    spec: taken(claim, deleted ? transitionsOf(deleted) + 1 : 0),
  };
}

/** The lease with a new holder. Each term counts as a transition, even if the holder is the same. */
export function takenLease(lease: Lease, claim: LeaseClaim): Lease {
  return { ...lease, spec: taken(claim, transitionsOf(lease) + 1) };
}

/** Our lease, held on to. */
export function renewedLease(lease: Lease, nowMs: number): Lease {
  return { ...lease, spec: { ...lease.spec, renewTime: microTime(nowMs) } };
}

/** Our lease, given up. One second is what client-go writes, so that others need not wait. */
export function releasedLease(lease: Lease, nowMs: number): Lease {
  const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(nowMs) };
  return { ...lease, spec: { ...lease.spec, ...spec } };
}

export function transitionsOf(lease: Lease): number {
  return lease.spec?.leaseTransitions ?? 0;
}

function taken(claim: LeaseClaim, leaseTransitions: number): Lease['spec'] {
  const now = microTime(claim.nowMs);
  return {
    holderIdentity: claim.identity,
    leaseDurationSeconds: Math.ceil(claim.leaseDurationMs / 1000),
    acquireTime: now,
    renewTime: now,
    leaseTransitions,
  };
}
