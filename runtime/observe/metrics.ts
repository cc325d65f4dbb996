import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Guard } from '../guard/guard.ts';
import { guardMetrics } from './guardMetrics.ts';
import { SeriesCounter, SeriesHistogram } from './series.ts';

/** How a request to the agent ended. */
export interface ServedRequest {
  reason: string;
  failed: boolean;
}

/** A call to a model that has ended. Times are in seconds. */
export interface MeasuredCall {
  model: string;
  /** Class of the failure; empty when there was none. */
  errorType: string;
  duration: number;
  /** From the call to the first bytes of the answer's body; absent when none came. */
  firstChunk?: number | undefined;
  /** Tokens, as far as they are known. */
  usage: { inputTokens?: number; cacheReadTokens?: number; outputTokens?: number };
}

export interface MetricsDeps {
  guard: Pick<Guard, 'stats' | 'gates'>;
  /** Used share of the retry budget of each dependency. */
  retryBudgets: () => { name: string; used: number }[];
  /** Hash of the configuration in force. */
  hash: () => string | undefined;
}

/** OpenTelemetry's buckets for GenAI operations, and one more for long answers; seconds. */
const MODEL_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84,
];

/** Fewer than for models: there are more tools. */
const TOOL_BUCKETS = [0.01, 0.05, 0.25, 1, 5, 30];

/** Tools that are told apart; what comes and goes beyond them counts as one. */
const MAX_TOOLS = 48;

/** OpenTelemetry's buckets for tokens, up to the largest context. */
const TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/** Models that clients name beyond this number count as one: each costs some 150 series. */
const MAX_MODELS = 4;

/** Endpoints by name in fallbacks; what comes and goes beyond them counts as one. */
const MAX_ENDPOINTS = 16;

/** The runtime's metrics. What the guard counts anyway is read at the scrape. */
export class Metrics {
  readonly registry = new Registry();
  readonly #models = new BoundedLabel(MAX_MODELS);
  readonly #endpoints = new BoundedLabel(MAX_ENDPOINTS);
  readonly #tools = new BoundedLabel(MAX_TOOLS);
  readonly #requests: SeriesCounter;
  readonly #failed: SeriesCounter;
  readonly #duration: SeriesHistogram;
  readonly #reloads: Counter<'result'>;
  readonly #operation: SeriesHistogram;
  readonly #firstChunk: SeriesHistogram;
  readonly #usage: SeriesHistogram;
  readonly #tokens: SeriesCounter;
  readonly #cache: Counter<'tier' | 'result'>;
  readonly #retries: Counter<'reason'>;
  readonly #toolCalls: Counter<'tool' | 'status'>;
  readonly #toolLatency: Histogram<'tool'>;
  readonly #fallbacks: Counter<'from' | 'to'>;
  readonly #cacheReads: SeriesCounter;
  readonly #affinity: Counter<'result'>;
  readonly #spans: Counter<'result'>;

  constructor({ guard, retryBudgets, hash }: MetricsDeps) {
    const registers = [this.registry];
    this.#requests = new SeriesCounter(this.registry, {
      name: 'agent_requests_total',
      help: 'Requests to the agent that have ended, by why they ended so; None: answered well.',
      labelNames: ['route', 'reason'],
    });
    this.#failed = new SeriesCounter(this.registry, {
      name: 'agent_requests_failed_total',
      help: 'Of these, those answered with 5xx or broken off; not those that were the caller’s fault.',
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
    this.#operation = new SeriesHistogram(this.registry, {
      name: 'gen_ai_client_operation_duration_seconds',
      help: 'Time of calls to the model.',
      labelNames: ['gen_ai_request_model', 'error_type'],
      buckets: MODEL_BUCKETS,
    });
    this.#firstChunk = new SeriesHistogram(this.registry, {
      name: 'gen_ai_client_operation_time_to_first_chunk_seconds',
      help: 'Time from a call to the model to the first bytes of its answer.',
      labelNames: ['gen_ai_request_model'],
      buckets: MODEL_BUCKETS,
    });
    this.#usage = new SeriesHistogram(this.registry, {
      name: 'gen_ai_client_token_usage',
      help: 'Tokens of one call to the model; input includes what came from the cache.',
      labelNames: ['gen_ai_request_model', 'gen_ai_token_type'],
      buckets: TOKEN_BUCKETS,
    });
    this.#tokens = new SeriesCounter(this.registry, {
      name: 'gen_ai_client_tokens_total',
      help: 'Tokens of all calls to the model; input includes what came from the cache.',
      labelNames: ['gen_ai_request_model', 'gen_ai_token_type'],
    });
    this.#cacheReads = new SeriesCounter(this.registry, {
      name: 'gen_ai_client_cache_read_tokens_total',
      help: 'Input tokens of all calls to the model that came from the provider’s prompt cache.',
      labelNames: ['gen_ai_request_model'],
    });
    this.#toolCalls = new Counter({
      name: 'agent_tool_calls_total',
      help: 'Calls of tools by how they ended: ok, error (the call was wrong), failed (the tool is), refused (not made), cached (the result of another call was given).',
      labelNames: ['tool', 'status'],
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
      help: 'Requests that the cache was asked for: hit, by tier; miss; collapsed (shared the answer of one under way); bypass (the caller wanted a fresh one).',
      labelNames: ['tier', 'result'],
      registers,
    });
    this.#retries = new Counter({
      name: 'retries_total',
      help: 'Attempts beyond the first one of a request, by what went wrong before.',
      labelNames: ['reason'],
      registers,
    });
    this.#fallbacks = new Counter({
      name: 'fallbacks_total',
      help: 'Calls that went to another endpoint, because the one to be preferred failed or took none.',
      labelNames: ['from', 'to'],
      registers,
    });
    this.#affinity = new Counter({
      name: 'affinity_requests_total',
      help: 'Requests of sessions by where they were served: hit, by the endpoint that their prompt cache is expected at; moved, by another one.',
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

  /** A request to the agent has ended. */
  served(route: string, { reason, failed }: ServedRequest, seconds: number): void {
    this.#requests.add(1, route, reason);
    if (failed) this.#failed.add(1, route, reason);
    this.#duration.observe(seconds, route);
  }

  /** An attempt at a model has ended. */
  modelCall({ model, errorType, duration, firstChunk, usage }: MeasuredCall): void {
    const known = this.#models.value(model);
    this.#operation.observe(duration, known, errorType);
    if (firstChunk !== undefined) this.#firstChunk.observe(firstChunk, known);
    const { inputTokens, cacheReadTokens = 0, outputTokens } = usage;
    if (inputTokens !== undefined) {
      this.#addTokens(known, 'input', inputTokens + cacheReadTokens);
      this.#cacheReads.add(cacheReadTokens, known);
    }
    if (outputTokens !== undefined) this.#addTokens(known, 'output', outputTokens);
  }

  /** A call of a tool has ended. */
  toolCall(name: string, status: string, seconds: number): void {
    const tool = this.#tools.value(name);
    this.#toolCalls.inc({ tool, status });
    if (status !== 'cached') this.#toolLatency.observe({ tool }, seconds);
  }

  /** The cache was asked. */
  cacheLookup(tier: string, result: string): void {
    this.#cache.inc({ tier, result });
  }

  /** So many spans were sent or dropped. */
  spans(result: string, count: number): void {
    this.#spans.inc({ result }, count);
  }

  /** Another attempt is made. */
  retry(reason: string): void {
    this.#retries.inc({ reason });
  }

  /** A call goes to another endpoint than the one to be preferred. */
  fallback(from: string, to: string): void {
    this.#fallbacks.inc({ from: this.#endpoints.value(from), to: this.#endpoints.value(to) });
  }

  /** A request of a session was made. */
  session(result: 'hit' | 'moved'): void {
    this.#affinity.inc({ result });
  }

  #addTokens(model: string, kind: 'input' | 'output', tokens: number): void {
    this.#usage.observe(tokens, model, kind);
    this.#tokens.add(tokens, model, kind);
  }

  /** A configuration was offered. */
  reload(result: string): void {
    this.#reloads.inc({ result });
  }
}

/** What values beyond the limit are counted under. */
const OTHER = 'other';

/**
 * Bounds the values of a label that clients choose, such as the model: the first `limit` distinct
 * ones are kept for the life of the process, all further ones count as one.
 */
class BoundedLabel {
  readonly #limit: number;
  readonly #known = new Set<string>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  value(text: string): string {
    if (this.#known.has(text)) return text;
    if (this.#known.size >= this.#limit || text.length > 128) return OTHER;
    this.#known.add(text);
    return text;
  }
}
