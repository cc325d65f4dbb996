import { AsyncLocalStorage } from 'node:async_hooks';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A timed part of a trace. The process decides what keeps it; this layer knows no tracer. */
export interface Span {
  /** Begins a part of this span. */
  start(name: string, kind: 'Client' | 'Internal', attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  /** `error`: its type; absent when the part went well. */
  end(error?: string): void;
}

/** Begins a trace. */
export type BeginTrace = (
  name: string,
  kind: 'Client' | 'Internal',
  attributes: SpanAttributes,
) => Span;

/** The span of everything that is not traced. */
export const NO_SPAN: Span = {
  start: () => NO_SPAN,
  set: () => undefined,
  end: () => undefined,
};

/** Of spans of the operator. Those of Kubernetes and of HTTP are OpenTelemetry's, the others are ours. */
export const SPAN_ATTRIBUTES = {
  namespace: 'k8s.namespace.name',
  pod: 'k8s.pod.name',
  method: 'http.request.method',
  path: 'url.path',
  controller: 'breakwater.controller',
  object: 'breakwater.object.name',
  reconcile: 'breakwater.reconcile.id',
  result: 'breakwater.reconcile.result',
  agent: 'breakwater.agent.name',
  revision: 'breakwater.configuration.revision',
} as const;

interface Current {
  span: Span;
  /** What is still under way then, such as an Event, belongs to no trace any more. */
  ended: boolean;
}

/**
 * The traces of reconciles. What a reconcile does finds its span without being handed it: a reconcile calls many
 * functions that only its requests and pushes lie behind. While tracing is off this costs a reconcile nothing.
 */
export class Traces {
  readonly #tracer: () => BeginTrace | undefined;
  readonly #current = new AsyncLocalStorage<Current>();

  /** @param tracer undefined while nothing is traced */
  constructor(tracer: () => BeginTrace | undefined) {
    this.#tracer = tracer;
  }

  /** Does the work within a trace of its own. `ended` says what the span tells of its result. */
  async run<T>(
    name: string,
    attributes: SpanAttributes,
    work: () => Promise<T>,
    ended: (span: Span, result: T) => void,
  ): Promise<T> {
    const begin = this.#tracer();
    if (!begin) return work();
    const current = { span: begin(name, 'Internal', attributes), ended: false };
    const result = await this.#current.run(current, work);
    current.ended = true;
    ended(current.span, result);
    return result;
  }

  /** A part of the trace of the caller; nothing outside one. */
  part(name: string, attributes: () => SpanAttributes): Span {
    return this.#within()?.start(name, 'Client', attributes()) ?? NO_SPAN;
  }

  /** The same, but a trace of its own outside one. */
  partOrTrace(name: string, attributes: () => SpanAttributes): Span {
    const begin = this.#tracer();
    if (!begin) return NO_SPAN;
    const within = this.#within();
    return within
      ? within.start(name, 'Client', attributes())
      : begin(name, 'Client', attributes());
  }

  #within(): Span | undefined {
    const current = this.#current.getStore();
    return current?.ended === false ? current.span : undefined;
  }
}

/** Of a process that traces nothing. */
export const NO_TRACES = new Traces(() => undefined);
