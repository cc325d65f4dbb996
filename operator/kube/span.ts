import { AsyncLocalStorage } from 'node:async_hooks';

export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A timed part of a trace. This layer does not know the tracer. */
export interface Span {
  /** Begins a child span. */
  start(name: string, kind: 'Client' | 'Internal', attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  /** @param error its type; absent after a success */
  end(error?: string): void;
}

/** Begins a trace. */
export type BeginTrace = (
  name: string,
  kind: 'Client' | 'Internal',
  attributes: SpanAttributes,
) => Span;

/** Stands for all that is not traced. */
export const NO_SPAN: Span = {
  start: () => NO_SPAN,
  set: () => undefined,
  end: () => undefined,
};

/** Names of the operator's span attributes. Those without `breakwater` are OpenTelemetry's. */
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
  /** Work that outlives the trace, such as the write of an Event, is not traced. */
  ended: boolean;
}

/**
 * The traces of reconciles. Requests and pushes find the span of their reconcile by AsyncLocalStorage, so that it need
 * not be passed through all functions. While tracing is off, this costs a reconcile nothing.
 */
export class Traces {
  readonly #tracer: () => BeginTrace | undefined;
  readonly #current = new AsyncLocalStorage<Current>();

  /** @param tracer undefined while nothing is traced */
  constructor(tracer: () => BeginTrace | undefined) {
    this.#tracer = tracer;
  }

  /** Runs work within a new trace. `ended` must end the span. */
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

  /** Begins a child span of the current trace; outside a trace, nothing is traced. */
  part(name: string, attributes: () => SpanAttributes): Span {
    return this.#within()?.start(name, 'Client', attributes()) ?? NO_SPAN;
  }

  /** Like `part`, but begins a new trace outside of one. */
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

/** For a process that traces nothing. */
export const NO_TRACES = new Traces(() => undefined);
