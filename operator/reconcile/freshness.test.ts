import { expect, it } from '@jest/globals';
import type { Pod } from '../kube/index.ts';
import type { PodReport } from '../links/index.ts';
import { snapshot } from '../testing/messages.ts';
import { Freshness, mergeReadiness, READY, UNTIL_NOTIFIED, type Readiness } from './freshness.ts';

const SENT = { revision: { term: 1, counter: 1 }, hash: 'new' };

/** The readiness of an agent with one pod, `ms` after the pod's link and the configuration changed. */
function readinessAfter(ms: number, report: Partial<PodReport>): Readiness {
  const said = { connected: true, since: new Date(0).toISOString(), uid: 'uid', ...report };
  return new Freshness({
    links: { podReport: () => said as PodReport, podsOf: () => [said as PodReport] },
    agents: { stateOf: () => ({ configuration: SENT, configuredAt: 0 }) as never },
    replicas: { of: () => [{ metadata: { uid: 'uid' }, status: { podIP: '10.0.0.1' } } as Pod] },
    clock: { now: () => ms, monotonic: () => ms },
  }).readiness('support/triage');
}

const known = { snapshot: snapshot('new'), hash: 'new' };

it.each<[string, number, Partial<PodReport>, Readiness]>([
  ['a pod that runs what it was sent', 0, known, READY],
  ['a first attempt to reach the pod', 9_000, { connected: false, pending: true }, UNTIL_NOTIFIED],
  [
    'a pod that was just sent a configuration',
    50,
    { ...known, hash: 'old' },
    { ready: false, forMs: 150 },
  ],
  ['a pod that keeps silent', 200, { ...known, hash: 'old' }, READY],
  ['a new link without a snapshot', 500, { hash: 'new' }, { ready: false, forMs: 1_500 }],
  ['a link that was just lost', 500, { ...known, connected: false }, { ready: true, forMs: 1_500 }],
  ['a link that is lost', 2_000, { ...known, connected: false }, READY],
])('the readiness of an agent with %s', (_, ms, report, readiness) => {
  expect(readinessAfter(ms, report)).toEqual(readiness);
});

it('several agents are ready when all are, until the first of them changes', () => {
  const [soon, later] = [200, 900].map((forMs) => ({ ready: true, forMs }));
  expect(mergeReadiness([READY, later!, soon!])).toEqual(soon);
  expect(mergeReadiness([])).toEqual(READY);
  const waiting = { ready: false, forMs: 300 };
  expect(mergeReadiness([soon!, waiting])).toEqual(waiting);
  expect(mergeReadiness([waiting, UNTIL_NOTIFIED])).toEqual(UNTIL_NOTIFIED);
});
