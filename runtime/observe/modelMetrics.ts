import type { Registry } from 'prom-client';
import { OTHER } from './boundedLabel.ts';
import { SeriesCounter, SeriesHistogram } from './series.ts';
import { LABELS, METRICS, OTHER_ERROR } from './trace/names.ts';

/** One call to a model. Times are in seconds. */
export interface MeasuredCall {
  model: string;
  dependency: string;
  /** Class of the failure; empty on success. */
  errorType: string;
  duration: number;
  /** From the call to the first byte of the answer's body; absent if none came. */
  firstChunk?: number | undefined;
  /** Tokens as far as known; input without the cached part. */
  usage: { inputTokens?: number; cacheReadTokens?: number; outputTokens?: number };
  /** Input tokens that the provider wrote to its cache. */
  cacheWriteTokens?: number | undefined;
}

/** OpenTelemetry's buckets for GenAI operations, and one more for long answers; seconds. */
export const MODEL_BUCKETS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84,
];

/** OpenTelemetry's buckets for tokens, up to the largest context. */
const TOKEN_BUCKETS = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576];

/**
 * Largest number of pairs of model and endpoint; others count as one. Clients name models, and each pair costs some 70
 * series.
 */
const MAX_PAIRS = 6;
/** Largest number of kinds of errors of these pairs, 18 series each; others count as _OTHER. */
const MAX_ERRORS = 16;

/** Metrics of clients by the GenAI conventions, by model and endpoint. */
export class ModelMetrics {
  readonly #pairs = new BoundedPairs(MAX_PAIRS);
  readonly #errors = new BoundedPairs(MAX_ERRORS);
  readonly #duration: SeriesHistogram;
  readonly #firstChunk: SeriesHistogram;
  readonly #callTokens: { input: SeriesHistogram; output: SeriesHistogram };
  readonly #tokens: Record<'input' | 'output' | 'cacheRead' | 'cacheWrite', SeriesCounter>;

  constructor(registry: Registry) {
    const labelNames = [LABELS.model, 'name'];
    this.#duration = new SeriesHistogram(registry, {
      name: METRICS.duration,
      help: 'Time of calls to the model.',
      labelNames: [...labelNames, LABELS.error],
      buckets: MODEL_BUCKETS,
    });
    this.#firstChunk = new SeriesHistogram(registry, {
      name: METRICS.timeToFirstChunk,
      help: 'Time from a call to the model to the first bytes of its answer.',
      labelNames,
      buckets: MODEL_BUCKETS,
    });
    const ofCall = (name: string, help: string): SeriesHistogram =>
      new SeriesHistogram(registry, { name, help, labelNames, buckets: TOKEN_BUCKETS });
    this.#callTokens = {
      input: ofCall(
        METRICS.inputTokensOfCall,
        'Input tokens of one call to the model; they include what came from the cache.',
      ),
      output: ofCall(METRICS.outputTokensOfCall, 'Output tokens of one call to the model.'),
    };
    const inAll = (name: string, help: string): SeriesCounter =>
      new SeriesCounter(registry, { name, help, labelNames });
    this.#tokens = {
      input: inAll(
        METRICS.inputTokens,
        'Input tokens of all calls to the model; they include what came from the cache.',
      ),
      output: inAll(METRICS.outputTokens, 'Output tokens of all calls to the model.'),
      cacheRead: inAll(METRICS.cacheReadTokens, 'Of the input tokens, those read from the cache.'),
      cacheWrite: inAll(
        METRICS.cacheWriteTokens,
        'Of the input tokens, those written to the cache.',
      ),
    };
  }

  add({ model: named, dependency, errorType, duration, ...call }: MeasuredCall): void {
    const { model, name } = this.#pairs.value(named, dependency);
    const error = this.#errorOf(model, name, errorType);
    this.#duration.observe(duration, model, name, error);
    const { firstChunk, usage, cacheWriteTokens } = call;
    if (firstChunk !== undefined) this.#firstChunk.observe(firstChunk, model, name);
    const { inputTokens, cacheReadTokens = 0, outputTokens } = usage;
    if (inputTokens !== undefined) {
      this.#callTokens.input.observe(inputTokens + cacheReadTokens, model, name);
      this.#tokens.input.add(inputTokens + cacheReadTokens, model, name);
      this.#tokens.cacheRead.add(cacheReadTokens, model, name);
    }
    if (outputTokens !== undefined) {
      this.#callTokens.output.observe(outputTokens, model, name);
      this.#tokens.output.add(outputTokens, model, name);
    }
    if (cacheWriteTokens) this.#tokens.cacheWrite.add(cacheWriteTokens, model, name);
  }

  /** Drops the series of other endpoints. */
  retain(dependencies: ReadonlySet<string>): void {
    const keeps = ({ name = OTHER }: Record<string, string>): boolean =>
      name === OTHER || dependencies.has(name);
    this.#pairs.retain(keeps);
    const { input, output } = this.#callTokens;
    const all = [this.#duration, this.#firstChunk, input, output, ...Object.values(this.#tokens)];
    for (const metric of all) metric.retain(keeps);
  }

  #errorOf(model: string, name: string, error: string): string {
    if (error === '') return '';
    const known = this.#errors.value(`${model} ${name}`, error);
    return known.name === OTHER ? OTHER_ERROR : error;
  }
}

interface Pair {
  model: string;
  name: string;
}

const OTHERS: Pair = { model: OTHER, name: OTHER };

/** Keeps the first pairs of a model and another value; all further ones count as one. */
class BoundedPairs {
  readonly #limit: number;
  readonly #known = new Map<string, Map<string, Pair>>();
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  value(model: string, name: string): Pair {
    const known = this.#known.get(model)?.get(name);
    if (known) return known;
    if (this.#size >= this.#limit || model.length > 256) return OTHERS;
    const pair = { model, name };
    const row = this.#known.get(model) ?? new Map<string, Pair>();
    this.#known.set(model, row.set(name, pair));
    this.#size += 1;
    return pair;
  }
  retain(keeps: (pair: Pick<Pair, 'name'>) => boolean): void {
    for (const row of this.#known.values())
      for (const [name, pair] of row) {
        if (keeps(pair)) continue;
        row.delete(name);
        this.#size -= 1;
      }
  }
}
