import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Guard } from '../guard/guard.ts';
import { BoundedLabel, OTHER } from './boundedLabel.ts';
import { guardMetrics } from './guardMetrics.ts';
import { MODEL_BUCKETS, ModelMetrics } from './modelMetrics.ts';
import type { MeasuredCall } from './modelMetrics.ts';
import { stateMetrics } from './stateMetrics.ts';
import type { StateFacts } from './stateMetrics.ts';
import { SeriesCounter, SeriesHistogram } from './series.ts';

export interface ServedRequest {
  reason: string;
  failed: boolean;
}

export interface MetricsDeps {
  guard: Pick<Guard, 'stats' | 'gates'>;
  /** Used share of the retry budget of each dependency. */
  retryBudgets: () => { name: string; used: number }[];
  /** Hash of the configuration in force. */
  hash: () => string | undefined;
}

/** Fewer than for models, because there are more tools. */
const TOOL_BUCKETS = [0.01, 0.05, 0.25, 1, 5, 30];

/** Largest number of tools with series; others count as one. */
const MAX_TOOLS = 48;

/** Largest number of endpoints in retries and fallbacks; others count as one. */
const MAX_ENDPOINTS = 16;

/** The runtime's metrics. Reads counts of the guard at the scrape. */
export class Metrics {
  readonly registry = new Registry();
  readonly #models: ModelMetrics;
  readonly #endpoints = new BoundedLabel(MAX_ENDPOINTS);
  readonly #tools = new BoundedLabel(MAX_TOOLS);
  readonly #requests: SeriesCounter;
  readonly #failed: SeriesCounter;
  readonly #duration: SeriesHistogram;
  readonly #reloads: Counter<'result'>;
  readonly #cache: Counter<'tier' | 'result'>;
  readonly #retries: SeriesCounter;
  readonly #toolCalls: Counter<'tool' | 'status' | 'outcome'>;
  readonly #toolLatency: Histogram<'tool'>;
  readonly #identityRefreshes: SeriesCounter;
  readonly #fallbacks: Counter<'from' | 'to'>;
  readonly #passedOver: SeriesCounter;
  readonly #affinity: Counter<'result'>;
  readonly #spans: Counter<'result'>;
  readonly #forwarded: Counter<'result'>;

  constructor({ guard, retryBudgets, hash }: MetricsDeps) {
    const registers = [this.registry];
    this.#requests = new SeriesCounter(this.registry, {
      name: 'agent_requests_total',
      help: 'Requests to the agent that have ended, by why they ended so; None: answered well.',
      labelNames: ['route', 'reason'],
    });
    this.#failed = new SeriesCounter(this.registry, {
      name: 'agent_requests_failed_total',
      help: 'Of these, those answered with 5xx or broken off; not those that were the client’s fault.',
      labelNames: ['route', 'reason'],
    });
    this.#duration = new SeriesHistogram(this.registry, {
      name: 'agent_request_duration_seconds',
      help: 'Time from a request to the end of its answer.',
      labelNames: ['route'],
      buckets: [0.005, 0.02, ...MODEL_BUCKETS.slice(3)],
    });
    this.#reloads = new Counter({
      name: 'config_reloads_total',
      help: 'Configurations offered by file or link, by what became of them.',
      labelNames: ['result'],
      registers,
    });
    this.#models = new ModelMetrics(this.registry);
    this.#toolCalls = new Counter({
      name: 'agent_tool_calls_total',
      help: 'Calls of tools by how they ended. Outcomes of status success: ok, cached (the result of another call was given). Of status failure: error (the call was wrong), failed (the tool is), refused (not made).',
      labelNames: ['tool', 'status', 'outcome'],
      registers,
    });
    this.#toolLatency = new Histogram({
      name: 'agent_tool_latency_seconds',
      help: 'Time of calls of tools, their wait for a place included.',
      labelNames: ['tool'],
      buckets: TOOL_BUCKETS,
      registers,
    });
    this.#cache = new Counter({
      name: 'cache_requests_total',
      help: 'Requests that the cache was asked for: hit, by tier; miss; collapsed (shared the answer of one under way); bypass (the client asked for a fresh one).',
      labelNames: ['tier', 'result'],
      registers,
    });
    this.#retries = new SeriesCounter(this.registry, {
      name: 'retries_total',
      help: 'Attempts at an endpoint that are repeated there, by what went wrong before.',
      labelNames: ['name', 'reason'],
    });
    this.#fallbacks = new Counter({
      name: 'fallbacks_total',
      help: 'Calls that went to another endpoint, because the one to be preferred failed or took none.',
      labelNames: ['from', 'to'],
      registers,
    });
    this.#identityRefreshes = new SeriesCounter(this.registry, {
      name: 'identity_refreshes_total',
      help: "Exchanges of the agent's identities for credentials of clouds, by result: renewed or failed.",
      labelNames: ['cloud', 'result'],
    });
    this.#passedOver = new SeriesCounter(this.registry, {
      name: 'endpoint_passed_over_total',
      help: 'Requests that an endpoint cannot take, by what it lacks: the route, the model or a beta, or room for the body.',
      labelNames: ['name', 'reason'],
    });
    this.#affinity = new Counter({
      name: 'affinity_requests_total',
      help: 'Requests of sessions by where they were served: hit, by the endpoint that their prompt cache is expected at; moved, by another one.',
      labelNames: ['result'],
      registers,
    });
    this.#forwarded = new Counter({
      name: 'agent_requests_forwarded_total',
      help: 'Requests that found no place and were forwarded to a sibling, by what came of it: answered (with whatever status), lost or unreachable (not taken), silent, gone (the client or the sibling left).',
      labelNames: ['result'],
      registers,
    });
    this.#spans = new Counter({
      name: 'trace_spans_total',
      help: 'Spans that have ended, by what became of them: exported, queue_full (dropped, because too many waited), export_failed (dropped, because the collector did not take them).',
      labelNames: ['result'],
      registers,
    });
    new Gauge({
      name: 'retry_budget_ratio',
      help: 'Used share of the retry budget of a dependency; at 1 its failures lead to no more attempts that cost.',
      labelNames: ['name'],
      registers,
      collect() {
        this.reset();
        for (const { name, used } of retryBudgets().slice(0, MAX_ENDPOINTS))
          this.set({ name }, used);
      },
    });
    new Gauge({
      name: 'config_revision_info',
      help: 'Always 1, for the hash of the configuration in force.',
      labelNames: ['hash'],
      registers,
      collect() {
        this.reset();
        const inForce = hash();
        if (inForce !== undefined) this.set({ hash: inForce }, 1);
      },
    });
    guardMetrics(this.registry, guard);
    collectDefaultMetrics({ register: this.registry });
  }

  /** Shows the state of the other parts. */
  show(facts: StateFacts): void {
    stateMetrics(this.registry, facts);
  }

  served(route: string, { reason, failed }: ServedRequest, seconds: number): void {
    this.#requests.add(1, route, reason);
    if (failed) this.#failed.add(1, route, reason);
    this.#duration.observe(seconds, route);
  }

  modelCall(call: MeasuredCall): void {
    this.#models.add(call);
  }

  /** Drops the series of other endpoints. */
  retain(dependencies: ReadonlySet<string>): void {
    this.#models.retain(dependencies);
    this.#retries.retain(({ name = OTHER }) => name === OTHER || dependencies.has(name));
  }

  toolCall(name: string, outcome: string, seconds: number): void {
    const tool = this.#tools.value(name);
    const status = outcome === 'ok' || outcome === 'cached' ? 'success' : 'failure';
    this.#toolCalls.inc({ tool, status, outcome });
    if (outcome !== 'cached') this.#toolLatency.observe({ tool }, seconds);
  }

  cacheLookup(tier: string, result: string): void {
    this.#cache.inc({ tier, result });
  }

  /** Counts spans that were sent or dropped. */
  spans(result: string, count: number): void {
    this.#spans.inc({ result }, count);
  }

  forwarded(result: string): void {
    this.#forwarded.inc({ result });
  }

  /** Counts another attempt at the same endpoint. */
  retry(name: string, reason: string): void {
    this.#retries.add(1, this.#endpoints.value(name), reason);
  }

  identityRefresh(cloud: string, result: string): void {
    this.#identityRefreshes.add(1, cloud, result.toLowerCase());
  }

  /** Counts a call to an endpoint other than the preferred one. */
  fallback(from: string, to: string): void {
    this.#fallbacks.inc({ from: this.#endpoints.value(from), to: this.#endpoints.value(to) });
  }

  /** Counts a request that an endpoint cannot take. */
  passedOver(dependency: string, reason: string): void {
    this.#passedOver.add(1, this.#endpoints.value(dependency), reason);
  }

  session(result: 'hit' | 'moved'): void {
    this.#affinity.inc({ result });
  }

  reload(result: string): void {
    this.#reloads.inc({ result });
  }
}
