import { setTimeout as pause } from 'node:timers/promises';
import { type KubeClient, Leases } from '../../../operator/kube/index.ts';
import { say, waitFor } from '../../cluster/common/step.ts';
import type { Metrics } from '../../kit/operator/metrics.ts';
import { LEASE, NAMESPACE, type OperatorProcess } from '../../kit/operator/operatorProcess.ts';
import { LONG_MS, now } from './spans.ts';
import type { World } from './world.ts';

/** Each scrape costs the operator about 10 ms. A real Prometheus scrapes every 15 s. */
const SCRAPE_MS = 500;

/** Time of the last write, once the operator leads, has made `atLeast` writes, and its queues stay empty. */
export async function whenQuiet(operator: OperatorProcess, atLeast = 0): Promise<number> {
  let last = { writes: 0, at: now() };
  await waitFor(
    'the operator has nothing left to do',
    LONG_MS,
    async () => {
      const metrics = await operator.metrics();
      if (!metrics || metrics.sum('leader_election_master_status') === 0) return false;
      const writes = writesOf(metrics);
      if (writes !== last.writes) last = { writes, at: now() };
      const busy =
        metrics.sum('workqueue_depth') + metrics.sum('controller_runtime_active_workers');
      return busy === 0 && writes > atLeast && now() - last.at > 1_500;
    },
    SCRAPE_MS,
  );
  return last.at;
}

export async function whenLinked(
  operator: OperatorProcess,
  links: number,
  every = SCRAPE_MS,
): Promise<void> {
  await waitFor(
    `${links} links are open`,
    LONG_MS,
    async () => {
      const metrics = await operator.metrics();
      return metrics?.sum('breakwater_links', { state: 'connected' }) === links;
    },
    every,
  );
}

/** Waits until the caches of a standby hold all objects. */
export async function whenWarm(standby: OperatorProcess): Promise<void> {
  await waitFor('the standby is ready', LONG_MS, () => standby.ready());
}

export async function whenLeading(client: KubeClient, operator: OperatorProcess): Promise<void> {
  await waitFor('the standby leads', 60_000, () => holdsLease(client, operator), 10);
}

async function holdsLease(client: KubeClient, operator: OperatorProcess): Promise<boolean> {
  const lease = await client.get(Leases, NAMESPACE, LEASE);
  return lease?.spec?.holderIdentity?.startsWith(`${operator.name}_`) === true;
}

/** Number of writes in so many seconds. Prints them by kind. */
export async function writesIn(world: World, seconds: number): Promise<number> {
  const before = await world.writes();
  await pause(seconds * 1000);
  return sayWrites(world, before);
}

/** Prints the writes since `before` by kind, and returns their number. */
export async function sayWrites(world: World, before: Map<string, number>): Promise<number> {
  const counts = [...(await world.writes())]
    .map(([resource, count]) => [resource, count - (before.get(resource) ?? 0)] as const)
    .filter(([, count]) => count > 0);
  if (counts.length > 0) say(counts.map((each) => each.join(': ')).join(', '));
  return counts.reduce((sum, [, count]) => sum + count, 0);
}

const writesOf = (metrics: Metrics): number =>
  metrics.sum('rest_client_requests_total', { method: /^(PATCH|POST|DELETE)$/ });
