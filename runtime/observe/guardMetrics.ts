import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { GateStatus } from '../../contract/generated/types.ts';
import type { Guard } from '../guard/guard.ts';
import type { LimitStoreStats } from '../guard/limitStore.ts';
import type { BulkheadStats, CircuitStats, GuardStats, LimitStats } from '../guard/stats.ts';

/** States of a circuit, as the label `state` has them. */
const STATES = { Closed: 'closed', HalfOpen: 'half_open', Open: 'open' } as const;

/** Largest number of dependencies and limits with series: a pod has at most 2,000 series. Debug pages show all. */
const MAX_DEPENDENCIES = 24;
const MAX_LIMITS = 64;

/** Gates, as the label `state` has them. */
const GATES = {
  None: 'none',
  RateLimited: 'rate_limited',
  SpendLimit: 'spend_limit',
  Unauthorized: 'unauthorized',
} as const;

/**
 * Metrics of circuits, gates, limits and bulkheads. Each scrape reads the guard's own numbers, so that removed parts
 * of the configuration leave no series and nothing counts twice.
 */
export function guardMetrics(registry: Registry, guard: Pick<Guard, 'stats' | 'gates'>): void {
  const stats = (): GuardStats => guard.stats();
  circuitMetrics(registry, stats);
  gateMetrics(registry, () => guard.gates());
  limitMetrics(registry, stats);
  fleetMetrics(registry, stats);
  storeMetrics(registry, stats);
  bulkheadMetrics(registry, stats);
}

function circuitMetrics(registry: Registry, stats: () => GuardStats): void {
  const registers = [registry];
  const each = (fill: (circuit: CircuitStats) => void): void =>
    stats().circuits.slice(0, MAX_DEPENDENCIES).forEach(fill);
  new Gauge({
    name: 'circuit_breaker_state',
    help: '1 for the state that the circuit is in, 0 for the others.',
    labelNames: ['name', 'state'],
    registers,
    collect() {
      this.reset();
      each(({ dependency: name, state }) => {
        for (const [key, label] of Object.entries(STATES)) {
          this.set({ name, state: label }, key === state ? 1 : 0);
        }
      });
    },
  });
  new Gauge({
    name: 'circuit_breaker_fleet',
    help: '1 while the circuit follows the fleet, 0 while it decides alone.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      each(({ dependency: name, followsFleet = false }) =>
        this.set({ name }, Number(followsFleet)),
      );
    },
  });
  new Counter({
    name: 'circuit_breaker_requests_total',
    help: 'Calls that asked the circuit, whether let through or rejected.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      each(({ dependency: name, requests }) => this.inc({ name }, requests));
    },
  });
  new Counter({
    name: 'circuit_breaker_failures_total',
    help: 'Failures that counted, by class.',
    labelNames: ['name', 'class'],
    registers,
    collect() {
      this.reset();
      each(({ dependency: name, failures }) => {
        for (const [kind, count] of Object.entries(failures))
          this.inc({ name, class: kind }, count);
      });
    },
  });
  new Counter({
    name: 'circuit_breaker_transitions_total',
    help: 'Changes of state.',
    labelNames: ['name', 'from', 'to'],
    registers,
    collect() {
      this.reset();
      each(({ dependency: name, transitions }) => {
        for (const { from, to, count } of transitions) {
          this.inc({ name, from: STATES[from], to: STATES[to] }, count);
        }
      });
    },
  });
}

function gateMetrics(registry: Registry, gates: () => GateStatus[]): void {
  new Gauge({
    name: 'gate_state',
    help: '1 for how the gate of the mounted credential stands, 0 for the others.',
    labelNames: ['name', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { dependency: name, gate } of gates().slice(0, MAX_DEPENDENCIES)) {
        for (const [key, state] of Object.entries(GATES)) {
          this.set({ name, state }, key === gate ? 1 : 0);
        }
      }
    },
  });
}

/**
 * The target is part of a limit's identity: one policy may reach several. `name` is the policy again, as circuits and
 * bulkheads have a `name`.
 */
const LIMIT_LABELS = ['name', 'policy', 'limit', 'target'] as const;

function fleetMetrics(registry: Registry, stats: () => GuardStats): void {
  const counter = (
    name: string,
    help: string,
    figure: keyof NonNullable<LimitStats['fleet']>,
  ): void => {
    new Counter({
      ...{ name, help, labelNames: [...LIMIT_LABELS], registers: [registry] },
      collect() {
        this.reset();
        for (const limit of stats().limits.slice(0, MAX_LIMITS)) {
          if (limit.fleet) this.inc(labels(limit), limit.fleet[figure]);
        }
      },
    });
  };
  counter(
    'rate_limiter_blocks_total',
    'Blocks of tokens that the leader of the fleet has granted.',
    'blocks',
  );
  counter(
    'rate_limiter_block_wait_seconds_total',
    'Time in which requests waited for an answer of the leader of the fleet.',
    'waitSeconds',
  );
  counter(
    'rate_limiter_safe_share_seconds_total',
    'Time without a leader of the fleet in which the safe share was in use.',
    'safeSeconds',
  );
}

function storeMetrics(registry: Registry, stats: () => GuardStats): void {
  new Gauge({
    name: 'rate_limiter_store_up',
    help: '1 while the Redis that keeps buckets of limits answers, 0 while withoutLeader decides. Absent unless a limit uses it.',
    registers: [registry],
    collect() {
      this.reset();
      const { store } = stats();
      if (store) this.set(Number(store.up));
      else this.remove({});
    },
  });
  const counter = (
    name: string,
    help: string,
    figure: Exclude<keyof LimitStoreStats, 'up'>,
  ): void => {
    new Counter({
      ...{ name, help, registers: [registry] },
      collect() {
        this.reset();
        this.inc(stats().store?.[figure] ?? 0);
      },
    });
  };
  counter(
    'rate_limiter_store_answers_total',
    'Buckets of limits that Redis has answered for.',
    'answers',
  );
  counter(
    'rate_limiter_store_wait_seconds_total',
    'Time in which answers of the Redis that keeps buckets of limits were waited for.',
    'waitSeconds',
  );
  counter(
    'rate_limiter_store_down_seconds_total',
    'Time in which the Redis that keeps buckets of limits did not answer, so that withoutLeader decided.',
    'downSeconds',
  );
}

/** A pod holds few tokens of a limit of the fleet, however many the leader's bucket has. */
const ELSEWHERE =
  'Absent for a limit of the fleet whose bucket the leader keeps: status.summary.used of the policy shows it.';

function limitMetrics(registry: Registry, stats: () => GuardStats): void {
  const registers = [registry];
  const labelNames = [...LIMIT_LABELS];
  const each = (fill: (limit: LimitStats) => void): void =>
    stats().limits.slice(0, MAX_LIMITS).forEach(fill);
  new Counter({
    name: 'rate_limiter_requests_total',
    help: 'Requests that asked the limit, whether admitted or rejected.',
    labelNames,
    registers,
    collect() {
      this.reset();
      each((limit) => this.inc(labels(limit), limit.requests));
    },
  });
  new Counter({
    name: 'rate_limiter_rejected_total',
    help: 'Of these, those rejected because of the limit.',
    labelNames,
    registers,
    collect() {
      this.reset();
      each((limit) => this.inc(labels(limit), limit.rejected));
    },
  });
  new Gauge({
    name: 'rate_limiter_tokens',
    help: `Level of the bucket. ${ELSEWHERE}`,
    labelNames,
    registers,
    collect() {
      this.reset();
      each((limit) => {
        if (!limit.fleet) this.set(labels(limit), limit.tokens);
      });
    },
  });
  new Gauge({
    name: 'rate_limiter_capacity',
    help: `What the bucket holds when it is full. ${ELSEWHERE}`,
    labelNames: [...LIMIT_LABELS, 'resource'],
    registers,
    collect() {
      this.reset();
      each((limit) => {
        const { resource, capacity, fleet } = limit;
        if (!fleet) this.set({ ...labels(limit), resource }, capacity);
      });
    },
  });
}

function bulkheadMetrics(registry: Registry, stats: () => GuardStats): void {
  const shared = { labelNames: ['name' as const], registers: [registry] };
  const each = (fill: (bulkhead: BulkheadStats) => void): void =>
    stats().bulkheads.slice(0, MAX_DEPENDENCIES).forEach(fill);
  new Gauge({
    name: 'bulkhead_active_requests',
    help: 'Requests or calls under way.',
    ...shared,
    collect() {
      this.reset();
      each(({ target: name, active }) => this.set({ name }, active));
    },
  });
  new Gauge({
    name: 'bulkhead_queue_size',
    help: 'Requests or calls that wait for a place.',
    ...shared,
    collect() {
      this.reset();
      each(({ target: name, queued }) => this.set({ name }, queued));
    },
  });
  new Counter({
    name: 'bulkhead_rejected_total',
    help: 'Requests or calls that found no place, or none in time.',
    ...shared,
    collect() {
      this.reset();
      each(({ target: name, rejected }) => this.inc({ name }, rejected));
    },
  });
}

function labels({
  policy,
  limit,
  target,
}: LimitStats): Record<(typeof LIMIT_LABELS)[number], string> {
  return { name: policy, policy, limit, target };
}
