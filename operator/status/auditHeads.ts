import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { AgentObservation } from './observations.ts';

type Audit = NonNullable<AgentDeploymentStatus['audit']>;
type Head = NonNullable<Audit['heads']>[number];

/** Kept heads. Each process of a pod's container has a chain of its own. */
const MAX_HEADS = 32;

const HASH = /^[0-9a-f]{64}$/;

/**
 * The last head of each chain, the last changed one first. Heads of former pods stay until newer ones replace them, so
 * that the audit files of those pods can be verified.
 */
export function auditHeads(
  { pods }: Pick<AgentObservation, 'pods'>,
  previous: Audit | undefined,
  now: Date,
): Pick<AgentDeploymentStatus, 'audit'> {
  const known = new Map((previous?.heads ?? []).map((head) => [head.chain, head]));
  const moved = pods.flatMap(({ name, snapshot }): Head[] => {
    const { audit } = snapshot ?? {};
    if (!audit || !HASH.test(audit.hash)) return [];
    const before = known.get(audit.chain);
    // A pod must not replace a head that it has reported.
    if (before && before.sequence >= audit.sequence) return [];
    const { chain, sequence, hash } = audit;
    return [{ pod: name, chain: chain.slice(0, 64), sequence, hash, time: now.toISOString() }];
  });
  const fresh = new Set(moved.map(({ chain }) => chain));
  const kept = (previous?.heads ?? []).filter(({ chain }) => !fresh.has(chain));
  const heads = [...moved, ...kept].slice(0, MAX_HEADS);
  return heads.length === 0 ? {} : { audit: { heads } };
}
