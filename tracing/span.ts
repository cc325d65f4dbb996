export type Attribute = string | number | boolean | readonly string[];

/** Attributes of a span. Undefined ones are left out. */
export type Attributes = Readonly<Record<string, Attribute | undefined>>;

/** Server: a request to the agent. Client: a call that the agent makes. Internal: neither. */
export type SpanKind = 'Server' | 'Client' | 'Internal';

/** Trace context in the headers of a client's request (W3C Trace Context). */
export interface RemoteContext {
  traceparent?: string | undefined;
  tracestate?: string | undefined;
}

/** A timed part of a trace. */
export interface Span {
  /** Whether it keeps attributes and events. If not, the caller need not compute them. */
  readonly recording: boolean;
  /** 32 hex digits; undefined if the request belongs to no trace. */
  readonly traceId: string | undefined;
  /** Trace context for requests within this span; undefined while tracing is off. */
  readonly context: RemoteContext | undefined;
  /** Begins a part of this span. */
  start(name: string, kind: SpanKind, attributes?: Attributes): Span;
  event(name: string, attributes?: Attributes): void;
  set(attributes: Attributes): void;
  /** `error`: type of the error; absent on success. */
  end(error?: string): void;
}

/** Begins traces. */
export interface Tracer {
  /** `kind`: Server by default, a request to the agent. */
  request(name: string, parent: RemoteContext, attributes: Attributes, kind?: SpanKind): Span;
}

/** The only span while tracing is off. */
export class NoSpan implements Span {
  readonly recording = false;
  readonly context = undefined;
  readonly traceId: string | undefined;

  /** `traceId`: id of the client's trace. */
  constructor(traceId?: string) {
    this.traceId = traceId;
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

export const NO_SPAN: Span = new NoSpan();

/** Traces nothing. Logs still name the client's trace. */
export const NO_TRACER: Tracer = {
  request: (_name, { traceparent }) => {
    const traceId = traceparent === undefined ? undefined : parseTraceparent(traceparent)?.traceId;
    return traceId === undefined ? NO_SPAN : new NoSpan(traceId);
  },
};

export interface Traceparent {
  traceId: string;
  spanId: string;
  sampled: boolean;
}

const TRACEPARENT =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Parses a traceparent; undefined for an invalid one (https://www.w3.org/TR/trace-context/#traceparent-header). */
export function parseTraceparent(text: string): Traceparent | undefined {
  const [, traceId, spanId, flags, rest] = TRACEPARENT.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Version 00 has nothing after the flags.
  if (rest !== undefined && text.startsWith('00')) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: Traceparent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
