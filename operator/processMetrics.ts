import { Gauge, type Registry } from 'prom-client';
import type { Caches } from './reconcile/caches.ts';
import type { UpgradeCounts } from './reconcile/upgrades.ts';

export function exportCacheAge(caches: Caches, registry: Registry): void {
  new Gauge({
    name: 'breakwater_informer_last_event_seconds',
    help: 'Seconds since the watch of a kind was last heard from',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      // A removed kind has no informer any more.
      this.reset();
      for (const { resource, lastEventAgeMs } of caches.all) {
        if (lastEventAgeMs !== undefined) this.set({ kind: resource.kind }, lastEventAgeMs / 1000);
      }
    },
  });
}

export function exportOptionalKinds(
  caches: Pick<Caches, 'availability'>,
  registry: Registry,
): void {
  new Gauge({
    name: 'breakwater_optional_kinds',
    help: 'Always 1, with whether the operator can use an optional kind: Served; Absent, not installed; Forbidden, without permission; Failing, not listed by the API server; Unknown, right after the start',
    labelNames: ['kind', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [kind, state] of caches.availability) this.set({ kind, state }, 1);
    },
  });
}

export function exportForbiddenNamespaces(
  caches: Pick<Caches, 'required'>,
  registry: Registry,
): void {
  new Gauge({
    name: 'breakwater_forbidden_namespaces',
    help: 'Namespaces of WATCH_NAMESPACES that the operator may not read and works without, such as one that was deleted with its roles',
    registers: [registry],
    collect() {
      const names = caches.required.flatMap((informer) => informer.forbiddenNamespaces);
      this.set(new Set(names).size);
    },
  });
}

export function exportUpgrades(counts: () => UpgradeCounts | undefined, registry: Registry): void {
  new Gauge({
    name: 'breakwater_upgrades',
    help: 'Agents whose pods a new version of the operator changes, by the state of their upgrade: waiting for a place; stopped, because the upgrade has made too many agents worse; rolling; repairing, without available pods before; failed, without progress. Only the leader has any.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      const all = Object.entries<number>({ ...counts() });
      for (const [state, count] of all) this.set({ state }, count);
    },
  });
}
