import { SpanKind as Kind, SpanStatusCode } from '@opentelemetry/api';
import type { HrTime, SpanAttributes, SpanContext, SpanStatus } from '@opentelemetry/api';
import { millisToHrTime } from '@opentelemetry/core';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableSpan, TimedEvent } from '@opentelemetry/sdk-trace';
import { ATTRIBUTES } from '../trace/names.ts';
import { formatTraceparent } from '../trace/span.ts';
import type { Attributes, RemoteContext, Span, SpanKind } from '../trace/span.ts';

/** Context shared by all spans of a tracer. */
export interface Recorder {
  resource: Resource;
  instrumentationScope: InstrumentationScope;
  newSpanId: () => string;
  /** Called when a span is complete. */
  ended: (span: ReadableSpan) => void;
}

/** Facts at the start of a span. */
export interface Beginning {
  name: string;
  kind: SpanKind;
  attributes: Attributes;
  /** Context of the span itself. */
  context: SpanContext;
  parent?: SpanContext | undefined;
}

const KINDS: Record<SpanKind, Kind> = {
  Server: Kind.SERVER,
  Client: Kind.CLIENT,
  Internal: Kind.INTERNAL,
};

/** Largest number of events in a span, as in OpenTelemetry's default. */
const MAX_EVENTS = 128;

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };
const ERROR: SpanStatus = { code: SpanStatusCode.ERROR };
const NO_LINKS: ReadableSpan['links'] = [];
const NO_EVENTS: ReadableSpan['events'] = [];

/** Wall time in milliseconds that never jumps within a trace. */
class TraceClock {
  readonly #offset = Date.now() - performance.now();

  now(): number {
    return this.#offset + performance.now();
  }
}

/**
 * A sampled span in the form that OpenTelemetry's exporters take. The SDK's own tracer costs several times as much
 * (docs/decisions/2026-11-22-opentelemetry-in-parts.md).
 */
export class RecordedSpan implements Span, ReadableSpan {
  readonly recording = true;
  readonly name: string;
  readonly kind: Kind;
  readonly attributes: SpanAttributes = {};
  readonly parentSpanContext?: SpanContext;
  readonly links = NO_LINKS;
  readonly droppedAttributesCount = 0;
  readonly droppedLinksCount = 0;
  droppedEventsCount = 0;
  events: TimedEvent[] = NO_EVENTS;
  status = UNSET;
  ended = false;
  readonly #context: SpanContext;
  readonly #recorder: Recorder;
  readonly #clock: TraceClock;
  readonly #startMs: number;
  #endMs = 0;

  constructor(
    { name, kind, attributes, context, parent }: Beginning,
    recorder: Recorder,
    clock = new TraceClock(),
  ) {
    this.name = name;
    this.kind = KINDS[kind];
    if (parent) this.parentSpanContext = parent;
    this.#context = context;
    this.#recorder = recorder;
    this.#clock = clock;
    this.#startMs = clock.now();
    this.set(attributes);
  }

  get traceId(): string {
    return this.#context.traceId;
  }

  get context(): RemoteContext {
    const { traceId, spanId, traceState } = this.#context;
    return {
      traceparent: formatTraceparent({ traceId, spanId, sampled: true }),
      ...(traceState && { tracestate: traceState.serialize() }),
    };
  }

  get resource(): Resource {
    return this.#recorder.resource;
  }

  get instrumentationScope(): InstrumentationScope {
    return this.#recorder.instrumentationScope;
  }

  get startTime(): HrTime {
    return millisToHrTime(this.#startMs);
  }

  get endTime(): HrTime {
    return millisToHrTime(this.#endMs);
  }

  get duration(): HrTime {
    return millisToHrTime(this.#endMs - this.#startMs);
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  start(name: string, kind: SpanKind, attributes: Attributes = {}): RecordedSpan {
    const parent = this.#context;
    const context = { ...parent, spanId: this.#recorder.newSpanId() };
    return new RecordedSpan(
      { name, kind, attributes, context, parent },
      this.#recorder,
      this.#clock,
    );
  }

  event(name: string, attributes: Attributes = {}): void {
    if (this.ended) return;
    if (this.events.length >= MAX_EVENTS) {
      this.droppedEventsCount += 1;
      return;
    }
    if (this.events === NO_EVENTS) this.events = [];
    const event = { name, time: millisToHrTime(this.#clock.now()), attributes: given(attributes) };
    this.events.push(event);
  }

  set(attributes: Attributes): void {
    if (!this.ended) given(attributes, this.attributes);
  }

  end(error?: string): void {
    if (this.ended) return;
    if (error !== undefined) {
      this.attributes[ATTRIBUTES.error] = error;
      this.status = ERROR;
    }
    this.#endMs = this.#clock.now();
    this.ended = true;
    this.#recorder.ended(this);
  }
}

/** Adds the attributes that have a value. */
function given(attributes: Attributes, to: SpanAttributes = {}): SpanAttributes {
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) to[name] = typeof value === 'object' ? [...value] : value;
  }
  return to;
}
