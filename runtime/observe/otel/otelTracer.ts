import type { Agent } from 'node:http';
import { ROOT_CONTEXT, TraceFlags, createTraceState } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  RandomIdGenerator,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { formatTraceparent, parseTraceparent } from '../trace/span.ts';
import type { Attributes, RemoteContext, Span, SpanKind, Tracer } from '../trace/span.ts';
import { RecordedSpan } from './recordedSpan.ts';
import type { Recorder } from './recordedSpan.ts';
import { SpanQueue } from './spanQueue.ts';
import type { SpanCounts, SpanQueueSizes } from './spanQueue.ts';

export interface TracingSettings {
  /** URL of the collector, with its path; absent: OTEL_EXPORTER_OTLP_* name it. */
  url?: string | undefined;
  /** Sampled share of traces, 0 to 1. */
  ratio: number;
  /** Whether the client's sampling decision applies to its traces. */
  parentBased: boolean;
  resource: Readonly<Record<string, string>>;
  queue: SpanQueueSizes;
  /** Timeout of one export including retries, in milliseconds. */
  exportMs: number;
}

export interface OtelTracingDeps {
  /** Headers for each export, as mounted at the time. */
  headers: () => Record<string, string>;
  /** Agent for exports with http: or https:, unless variables name the collector and its certificates. */
  agent: (protocol: string) => Agent;
  counts: SpanCounts;
}

/** OpenTelemetry traces, sent by OTLP over HTTP. */
export class OtelTracing implements Tracer {
  readonly #settings: TracingSettings;
  readonly #queue: SpanQueue;
  readonly #recorder: Recorder;
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
    this.#recorder = {
      resource: resourceFromAttributes(settings.resource),
      instrumentationScope: { name: 'breakwater' },
      newSpanId: () => this.#ids.generateSpanId(),
      ended: (span) => this.#queue.onEnd(span),
    };
    this.#sampler = new TraceIdRatioBasedSampler(settings.ratio);
  }

  request(
    name: string,
    { traceparent = '', tracestate }: RemoteContext,
    attributes: Attributes,
    kind: SpanKind = 'Server',
  ): Span {
    const spanId = this.#ids.generateSpanId();
    const parent = parseTraceparent(traceparent);
    if (!parent) {
      const traceId = this.#ids.generateTraceId();
      if (Math.random() >= this.#settings.ratio) return new UnsampledSpan(traceId, spanId);
      const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
      return new RecordedSpan({ name, kind, attributes, context }, this.#recorder);
    }
    const { traceId } = parent;
    if (!this.#sampled(parent)) return new UnsampledSpan(traceId, spanId, tracestate);
    const shared = {
      ...{ traceId, traceFlags: TraceFlags.SAMPLED },
      ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
    };
    const remote = { ...shared, spanId: parent.spanId, isRemote: true };
    const context = { ...shared, spanId };
    return new RecordedSpan({ name, kind, attributes, context, parent: remote }, this.#recorder);
  }

  /** Resolves when all ended spans are sent or dropped. */
  flush(): Promise<void> {
    return this.#queue.forceFlush();
  }

  /** Ends at once and drops waiting spans. */
  close(): Promise<void> {
    return this.#queue.shutdown();
  }

  #sampled({ traceId, sampled }: { traceId: string; sampled: boolean }): boolean {
    if (this.#settings.parentBased) return sampled;
    const { decision } = this.#sampler.shouldSample(ROOT_CONTEXT, traceId);
    return decision === SamplingDecision.RECORD_AND_SAMPLED;
  }
}

/** The only span of an unsampled request: it records nothing and tells the next service so. */
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
