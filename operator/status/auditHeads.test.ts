import { expect, it } from '@jest/globals';
import { pod } from '../testing/observations.ts';
import { auditHeads } from './auditHeads.ts';

const NOW = new Date('2026-11-22T10:00:00Z');
const HASH = 'a'.repeat(64);
const time = NOW.toISOString();

function withHead(
  name: string,
  chain: string,
  sequence: number,
  hash = HASH,
): ReturnType<typeof pod> {
  const made = pod(name);
  return { ...made, snapshot: { ...made.snapshot!, audit: { chain, sequence, hash } } };
}

it('the status contains the last head of each chain, the most recent first', () => {
  const first = auditHeads(
    { pods: [withHead('p1', 'c1', 5), withHead('p2', 'c2', 1)] },
    undefined,
    NOW,
  );
  const second = auditHeads(
    { pods: [withHead('p1', 'c1', 5), withHead('p2', 'c2', 9)] },
    first.audit,
    NOW,
  );
  expect(second.audit?.heads).toEqual([
    { pod: 'p2', chain: 'c2', sequence: 9, hash: HASH, time },
    { pod: 'p1', chain: 'c1', sequence: 5, hash: HASH, time },
  ]);
});

it('the status keeps the heads of deleted pods, up to 32 chains', () => {
  let audit: ReturnType<typeof auditHeads>['audit'];
  for (let i = 1; i <= 40; i += 1) {
    ({ audit } = auditHeads({ pods: [withHead(`p${i}`, `c${i}`, 1)] }, audit, NOW));
  }
  expect(audit?.heads).toHaveLength(32);
  expect(audit?.heads?.map(({ pod: name }) => name).slice(0, 2)).toEqual(['p40', 'p39']);
});

it('a pod cannot fix the head of another one by claiming its chain', () => {
  const claimed = withHead('evil', 'c1', Number.MAX_SAFE_INTEGER, 'b'.repeat(64));
  const { audit } = auditHeads({ pods: [claimed] }, undefined, NOW);
  const honest = auditHeads({ pods: [claimed, withHead('p1', 'c1', 6)] }, audit, NOW);
  expect(honest.audit?.heads).toContainEqual({
    ...{ pod: 'p1', chain: 'c1', sequence: 6, hash: HASH, time },
  });
});

it('a pod that reports one chain after the other pushes out no head of another pod', () => {
  const honest = Array.from({ length: 31 }, (_, i) => withHead(`p${i}`, `c${i}`, 1));
  let { audit } = auditHeads({ pods: honest }, undefined, NOW);
  for (let i = 0; i < 100; i += 1) {
    ({ audit } = auditHeads({ pods: [withHead('evil', `made-up-${i}`, 1)] }, audit, NOW));
  }
  const pods = audit?.heads?.map(({ pod: name }) => name);
  for (const { name } of honest) expect(pods).toContain(name);
});

it('the status keeps the last four heads of a pod whose container restarts', () => {
  let audit: ReturnType<typeof auditHeads>['audit'];
  for (let i = 1; i <= 6; i += 1) {
    ({ audit } = auditHeads({ pods: [withHead('p1', `c${i}`, 1)] }, audit, NOW));
  }
  expect(audit?.heads?.map(({ chain }) => chain)).toEqual(['c6', 'c5', 'c4', 'c3']);
});

it('no pod can withdraw a head', () => {
  const { audit } = auditHeads({ pods: [withHead('p1', 'c1', 5)] }, undefined, NOW);
  const forged = withHead('p1', 'c1', 5, 'b'.repeat(64));
  expect(auditHeads({ pods: [forged] }, audit, NOW).audit).toEqual(audit);
  expect(auditHeads({ pods: [withHead('p1', 'c1', 3)] }, audit, NOW).audit).toEqual(audit);
});

it('an agent without an audit has no heads', () => {
  expect(auditHeads({ pods: [pod('p1')] }, undefined, NOW)).toEqual({});
});
