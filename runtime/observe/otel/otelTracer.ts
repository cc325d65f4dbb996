import type { Agent } from 'node:http';
import { ROOT_CONTEXT, SpanKind as Kind, SpanStatusCode, trace } from '@opentelemetry/api';
import type {
  Context,
  Span as OtelSpan,
  SpanContext,
  Tracer as OtelTracer,
} from '@opentelemetry/api';
import { createTraceState } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  RandomIdGenerator,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { ATTRIBUTES } from '../trace/names.ts';
import { formatTraceparent, parseTraceparent } from '../trace/span.ts';
import type { Attributes, RemoteContext, Span, SpanKind, Tracer } from '../trace/span.ts';
import { SpanQueue } from './spanQueue.ts';
import type { SpanCounts, SpanQueueSizes } from './spanQueue.ts';

export interface TracingSettings {
  /** Where spans go, the path included; absent: where OTEL_EXPORTER_OTLP_* say. */
  url?: string | undefined;
  /** Share of traces that are kept, 0 to 1. */
  ratio: number;
  /** Whether the client decides for the traces that it has begun. */
  parentBased: boolean;
  resource: Readonly<Record<string, string>>;
  queue: SpanQueueSizes;
  /** Time that the collector has to take a batch, with all tries, in milliseconds. */
  exportMs: number;
}

export interface OtelTracingDeps {
  /** Headers of each export, as they are mounted then. */
  headers: () => Record<string, string>;
  /** What carries exports to a collector with http: or https:, unless variables name the collector and its certificates. */
  agent: (protocol: string) => Agent;
  counts: SpanCounts;
}

const KINDS: Record<SpanKind, Kind> = {
  Server: Kind.SERVER,
  Client: Kind.CLIENT,
  Internal: Kind.INTERNAL,
};

/** Traces by OpenTelemetry, sent by OTLP over HTTP. */
export class OtelTracing implements Tracer {
  readonly #settings: TracingSettings;
  readonly #queue: SpanQueue;
  readonly #tracer: OtelTracer;
  readonly #sampler: TraceIdRatioBasedSampler;
  readonly #ids = new RandomIdGenerator();

  constructor(settings: TracingSettings, { headers, agent, counts }: OtelTracingDeps) {
    this.#settings = settings;
    const exporter = new OTLPTraceExporter({
      ...(settings.url !== undefined && { url: settings.url, httpAgentOptions: agent }),
      headers: () => Promise.resolve(headers()),
      timeoutMillis: settings.exportMs,
    });
    this.#queue = new SpanQueue(exporter, settings.queue, counts);
    const provider = new TracerProvider({
      resource: resourceFromAttributes(settings.resource),
      spanProcessors: [this.#queue],
    });
    this.#tracer = provider.getTracer('breakwater');
    this.#sampler = new TraceIdRatioBasedSampler(settings.ratio);
  }

  request(
    name: string,
    { traceparent = '', tracestate }: RemoteContext,
    attributes: Attributes,
    kind: SpanKind = 'Server',
  ): Span {
    const parent = parseTraceparent(traceparent);
    if (!parent) {
      if (Math.random() < this.#settings.ratio)
        return this.#start(name, kind, ROOT_CONTEXT, attributes);
      return new UnsampledSpan(this.#ids.generateTraceId(), this.#ids.generateSpanId());
    }
    const { traceId, spanId } = parent;
    if (!this.#sampled(parent)) {
      return new UnsampledSpan(traceId, this.#ids.generateSpanId(), tracestate);
    }
    const remote: SpanContext = {
      ...{ traceId, spanId, traceFlags: 1, isRemote: true },
      ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
    };
    return this.#start(name, kind, trace.setSpanContext(ROOT_CONTEXT, remote), attributes);
  }

  /** Resolves when all spans that have ended were sent or dropped. */
  flush(): Promise<void> {
    return this.#queue.forceFlush();
  }

  /** Ends at once; spans that wait are dropped. */
  close(): Promise<void> {
    return this.#queue.shutdown();
  }

  #sampled({ traceId, sampled }: { traceId: string; sampled: boolean }): boolean {
    if (this.#settings.parentBased) return sampled;
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  }

  #start(name: string, kind: SpanKind, parent: Context, attributes: Attributes): Span {
    const span = this.#tracer.startSpan(
      name,
      { kind: KINDS[kind], attributes: given(attributes) },
      parent,
    );
    return new SampledSpan(span, parent, (child, kindOf, within, more) =>
      this.#start(child, kindOf, within, more),
    );
  }
}

type Start = (name: string, kind: SpanKind, parent: Context, attributes: Attributes) => Span;

class SampledSpan implements Span {
  readonly recording = true;
  readonly #span: OtelSpan;
  readonly #within: Context;
  readonly #start: Start;

  constructor(span: OtelSpan, parent: Context, start: Start) {
    this.#span = span;
    this.#within = trace.setSpan(parent, span);
    this.#start = start;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get context(): RemoteContext {
    const { traceId, spanId, traceState } = this.#span.spanContext();
    return {
      traceparent: formatTraceparent({ traceId, spanId, sampled: true }),
      ...(traceState && { tracestate: traceState.serialize() }),
    };
  }

  start(name: string, kind: SpanKind, attributes: Attributes = {}): Span {
    return this.#start(name, kind, this.#within, attributes);
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#span.addEvent(name, given(attributes));
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(given(attributes));
  }

  end(error?: string): void {
    if (error !== undefined) {
      this.#span.setAttribute(ATTRIBUTES.error, error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** The span of all of a request that is not sampled: it keeps nothing, and says so to whom the request goes. */
class UnsampledSpan implements Span {
  readonly recording = false;
  readonly traceId: string;
  readonly context: RemoteContext;

  constructor(traceId: string, spanId: string, tracestate?: string) {
    this.traceId = traceId;
    const traceparent = formatTraceparent({ traceId, spanId, sampled: false });
    this.context = { traceparent, ...(tracestate !== undefined && { tracestate }) };
  }

  start(): this {
    return this;
  }

  event(): void {
    // Kept nowhere.
  }

  set(): void {
    // Kept nowhere.
  }

  end(): void {
    // Kept nowhere.
  }
}

/** Those that have a value. */
function given(attributes: Attributes): Record<string, string | number | boolean | string[]> {
  const found: Record<string, string | number | boolean | string[]> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) found[name] = typeof value === 'object' ? [...value] : value;
  }
  return found;
}
