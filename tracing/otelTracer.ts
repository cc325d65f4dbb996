import type { Agent } from 'node:http';
import type { SecureContext } from 'node:tls';
import {
  ROOT_CONTEXT,
  SpanKind as Kind,
  SpanStatusCode,
  TraceFlags,
  context,
  createNoopMeter,
  createTraceState,
  logs,
  trace,
} from '@opentelemetry/api';
import type {
  MeterProvider,
  Span as ApiSpan,
  SpanContext,
  Tracer as ApiTracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { GrpcExporter } from './grpcExporter.ts';
import { formatTraceparent, parseTraceparent } from './span.ts';
import type { Attributes, RemoteContext, Span, SpanKind, Tracer } from './span.ts';

export interface TracingSettings {
  protocol: 'http' | 'grpc';
  /** URL of the collector, over HTTP with its path; absent: OTEL_EXPORTER_OTLP_* name it. */
  url?: string | undefined;
  /** Sampled share of traces, 0 to 1. */
  ratio: number;
  /** Whether the client's sampling decision applies to its traces. */
  parentBased: boolean;
  resource: Readonly<Record<string, string>>;
  queue: {
    /** Largest number of waiting spans; drops further ones. */
    maxQueueSize: number;
    maxBatchSize: number;
    /** Interval between two exports of fewer than maxBatchSize, in milliseconds. */
    delayMs: number;
  };
  /** Timeout of one export including retries, in milliseconds. */
  exportMs: number;
}

/** What became of ended spans: the last two are lost. */
export type SpanResult = 'exported' | 'queue_full' | 'export_failed';

export interface OtelTracerDeps {
  /** Headers for each export, as mounted at the time. */
  headers: () => Record<string, string>;
  /** Agent for exports with http: or https:, unless variables name the collector and its certificates. */
  agent: (protocol: string) => Agent;
  /** Trusted authorities for exports over gRPC; undefined: the system's. */
  secureContext: () => SecureContext | undefined;
  /** Counts ended spans. */
  count: (result: SpanResult, spans: number) => void;
}

/** OpenTelemetry traces, sent by OTLP over HTTP or gRPC. */
export class OtelTracer implements Tracer {
  readonly #sdk: NodeSDK;
  readonly #exporter: OTLPTraceExporter | GrpcExporter;
  readonly #processor: BatchSpanProcessor;
  readonly #tracer: ApiTracer;

  constructor(settings: TracingSettings, deps: OtelTracerDeps) {
    const { ratio, parentBased, resource, queue } = settings;
    this.#exporter = exporterFor(settings, deps);
    this.#processor = new BatchSpanProcessor({
      exporter: this.#exporter,
      maxQueueSize: queue.maxQueueSize,
      maxExportBatchSize: queue.maxBatchSize,
      scheduledDelayMillis: queue.delayMs,
      selfObsMeterProvider: counting(deps.count),
    });
    const root = new TraceIdRatioBasedSampler(ratio);
    this.#sdk = new NodeSDK({
      resource: resourceFromAttributes(resource),
      autoDetectResources: false,
      sampler: parentBased ? new ParentBasedSampler({ root }) : root,
      spanProcessors: [this.#processor],
      textMapPropagator: null,
      logRecordProcessors: [],
      metricReaders: [],
    });
    this.#sdk.start();
    this.#tracer = trace.getTracer('breakwater');
    // A tracer is handed on and takes its parents by hand. With other settings a next SDK registers itself.
    for (const registered of [trace, context, logs]) registered.disable();
  }

  request(
    name: string,
    { traceparent = '', tracestate }: RemoteContext,
    attributes: Attributes,
    kind: SpanKind = 'Server',
  ): Span {
    const parent = parseTraceparent(traceparent);
    const remote = parent && {
      traceId: parent.traceId,
      spanId: parent.spanId,
      traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      isRemote: true,
      ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
    };
    return new OtelSpan(this.#tracer, { name, kind, attributes, parent: remote });
  }

  /** Resolves when all ended spans are sent or dropped. */
  async flush(): Promise<void> {
    await this.#processor.forceFlush().catch(() => undefined);
    // Exports that began before.
    await this.#exporter.forceFlush();
  }

  /** Takes no more spans. Those that wait are sent in the background. */
  close(): void {
    void this.#sdk.shutdown().catch(() => undefined);
  }
}

function exporterFor(
  { protocol, url, exportMs }: TracingSettings,
  { headers, agent, secureContext }: OtelTracerDeps,
): OTLPTraceExporter | GrpcExporter {
  if (protocol === 'grpc') {
    return new GrpcExporter({ url, timeoutMillis: exportMs, headers, secureContext });
  }
  return new OTLPTraceExporter({
    ...(url !== undefined && { url, httpAgentOptions: agent }),
    headers: () => Promise.resolve(headers()),
    timeoutMillis: exportMs,
  });
}

/** Facts at the start of a span. */
interface Beginning {
  name: string;
  kind: SpanKind;
  attributes: Attributes;
  parent?: SpanContext | undefined;
}

const KINDS: Record<SpanKind, Kind> = {
  Server: Kind.SERVER,
  Client: Kind.CLIENT,
  Internal: Kind.INTERNAL,
};

/** A span of OpenTelemetry. One that is not sampled is the only one of its request: the next service learns so. */
class OtelSpan implements Span {
  readonly recording: boolean;
  readonly #tracer: ApiTracer;
  readonly #span: ApiSpan;

  constructor(tracer: ApiTracer, { name, kind, attributes, parent }: Beginning) {
    this.#tracer = tracer;
    this.#span = tracer.startSpan(
      name,
      { kind: KINDS[kind], attributes: attributes },
      parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT,
    );
    this.recording = this.#span.isRecording();
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get context(): RemoteContext {
    const { traceId, spanId, traceFlags, traceState } = this.#span.spanContext();
    return {
      traceparent: formatTraceparent({
        traceId,
        spanId,
        sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
      }),
      ...(traceState && { tracestate: traceState.serialize() }),
    };
  }

  start(name: string, kind: SpanKind, attributes: Attributes = {}): OtelSpan {
    if (!this.recording) return this;
    const parent = this.#span.spanContext();
    return new OtelSpan(this.#tracer, { name, kind, attributes, parent });
  }

  event(name: string, attributes: Attributes = {}): void {
    this.#span.addEvent(name, attributes);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  end(error?: string): void {
    if (error !== undefined) {
      this.#span.setAttribute('error.type', error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}

/** Takes the SDK's own count of spans, which alone tells what its queue drops. */
function counting(count: OtelTracerDeps['count']): MeterProvider {
  const meter = createNoopMeter();
  meter.createCounter = (name) => ({
    add: (spans, attributes) => {
      if (name !== 'otel.sdk.processor.span.processed') return;
      const error = attributes?.['error.type'];
      if (error === undefined) count('exported', spans);
      else count(error === 'queue_full' ? 'queue_full' : 'export_failed', spans);
    },
  });
  return { getMeter: () => meter };
}
