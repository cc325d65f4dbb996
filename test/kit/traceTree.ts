import type { ReceivedSpan } from '../../runtime/testing/collector.ts';

const MS = 1_000_000;
/** Column of the times. */
const COLUMN = 58;
/** The most useful attributes in their order, with short names. */
const SHOWN: readonly (readonly [attribute: string, name: string])[] = [
  ['http.response.status_code', 'status'],
  ['breakwater.reason', 'reason'],
  ['error.type', 'error'],
  ['breakwater.attempts', 'attempts'],
  ['breakwater.dependency', 'at'],
  ['gen_ai.usage.input_tokens', 'input'],
  ['gen_ai.usage.output_tokens', 'output'],
];

/** A trace as lines for a terminal: each span with its duration, result and events. */
export function traceTree(spans: readonly ReceivedSpan[]): string[] {
  const sorted = [...spans].sort((a, b) => startOf(a) - startOf(b));
  const ids = new Set(sorted.map(({ spanId }) => spanId));
  const roots = sorted.filter(({ parentSpanId = '' }) => !ids.has(parentSpanId));
  return roots.flatMap((root) => [line(root, ''), ...below(root, sorted, '')]);
}

function below(parent: ReceivedSpan, all: readonly ReceivedSpan[], indent: string): string[] {
  const children = all.filter(({ parentSpanId }) => parentSpanId === parent.spanId);
  const bar = children.length > 0 ? '│' : ' ';
  const events = parent.events.map(
    ({ name, attributes }) =>
      `${indent}${bar}  · ${name.replace(/^breakwater\./, '')}${told(attributes)}`,
  );
  const parts = children.flatMap((child, index) => {
    const last = index === children.length - 1;
    return [
      line(child, `${indent}${last ? '└─ ' : '├─ '}`),
      ...below(child, all, `${indent}${last ? '   ' : '│  '}`),
    ];
  });
  return [...events, ...parts];
}

function line(span: ReceivedSpan, indent: string): string {
  const ms = (Number(span.endTimeUnixNano) - Number(span.startTimeUnixNano)) / MS;
  const facts = SHOWN.flatMap(([attribute, name]) => {
    const value = span.attributes[attribute];
    return value === undefined ? [] : [`${name}=${shown(value)}`];
  });
  const time = ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
  return `${`${indent}${span.name}`.padEnd(COLUMN)}${time.padStart(8)}  ${facts.join(' ')}`.trimEnd();
}

function told(attributes: Record<string, unknown>): string {
  return Object.entries(attributes)
    .map(
      ([name, value]) =>
        ` ${name.replace(/^breakwater\.(fallback\.)?/, '')}=${JSON.stringify(value)}`,
    )
    .join('');
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function startOf({ startTimeUnixNano }: ReceivedSpan): number {
  return Number(startTimeUnixNano);
}
