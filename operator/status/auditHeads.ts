import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import type { AgentObservation } from './observations.ts';

type Audit = NonNullable<AgentDeploymentStatus['audit']>;
type Head = NonNullable<Audit['heads']>[number];

/** Kept heads of all pods together. */
const MAX_HEADS = 32;
/** Kept heads of one pod. Each process of its container has a chain of its own. */
const MAX_HEADS_OF_POD = 4;

const HASH = /^[0-9a-f]{64}$/;

/**
 * The last heads of the chains, the last changed one first. A head belongs to the pod whose link reported it: no pod can
 * change or push out those of another one. Heads of former pods stay until newer pods replace them, so that the audit
 * files of those pods can be verified.
 */
export function auditHeads(
  { pods }: Pick<AgentObservation, 'pods'>,
  previous: Audit | undefined,
  now: Date,
): Pick<AgentDeploymentStatus, 'audit'> {
  const known = new Map((previous?.heads ?? []).map((head) => [keyOf(head), head]));
  const moved = pods.flatMap(({ name, snapshot }): Head[] => {
    const { audit } = snapshot ?? {};
    if (!audit || !HASH.test(audit.hash)) return [];
    const { sequence, hash } = audit;
    const head = { pod: name, chain: audit.chain.slice(0, 64), sequence, hash };
    const before = known.get(keyOf(head));
    // A pod must not replace a head that it has reported.
    if (before && before.sequence >= sequence) return [];
    return [{ ...head, time: now.toISOString() }];
  });
  const fresh = new Set(moved.map(keyOf));
  const kept = (previous?.heads ?? []).filter((head) => !fresh.has(keyOf(head)));
  const heads = withinBounds([...moved, ...kept]);
  return heads.length === 0 ? {} : { audit: { heads } };
}

const keyOf = ({ pod, chain }: Pick<Head, 'pod' | 'chain'>): string => `${pod}/${chain}`;

/** The last head of each pod comes before second ones. */
function withinBounds(heads: readonly Head[]): Head[] {
  const perPod = [...Map.groupBy(heads, ({ pod }) => pod).values()];
  const ranked = Array.from({ length: MAX_HEADS_OF_POD }, (_, rank) =>
    perPod.flatMap((ofPod) => ofPod[rank] ?? []),
  );
  const kept = new Set(ranked.flat().slice(0, MAX_HEADS));
  return heads.filter((head) => kept.has(head));
}
