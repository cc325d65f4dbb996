import { Traces, type Span, type SpanAttributes } from '../kube/span.ts';

export interface KeptSpan {
  name: string;
  attributes: Record<string, unknown>;
  parts: KeptSpan[];
  /** 'open' until the span ends, then its error or 'ok'. */
  end: string;
}

/** Traces in memory, in the order of their begin. */
export function memoryTraces(): { traces: Traces; kept: KeptSpan[] } {
  const kept: KeptSpan[] = [];
  const traces = new Traces(() => (name, _kind, attributes) => begin(kept, name, attributes));
  return { traces, kept };
}

function begin(among: KeptSpan[], name: string, attributes: SpanAttributes = {}): Span {
  const span: KeptSpan = { name, attributes: { ...attributes }, parts: [], end: 'open' };
  among.push(span);
  return {
    start: (part, _kind, more) => begin(span.parts, part, more),
    set: (more) => void Object.assign(span.attributes, more),
    end: (error = 'ok') => void (span.end = error),
  };
}
