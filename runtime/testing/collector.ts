import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeExport } from './otlp.ts';
import type { Attributes, Export, ReceivedSpan, Value } from './otlp.ts';

export type { ReceivedSpan };

export interface Collector {
  url: string;
  spans: ReceivedSpan[];
  /** Headers of each export. */
  headers: Record<string, string | string[] | undefined>[];
  /** Attributes of the resource of the last export. */
  resource: Record<string, unknown>;
  close(): Promise<void>;
}

/** Starts a collector of OTLP over HTTP. `answer` responds to each export. */
export async function startCollector(
  answer: (response: ServerResponse) => void = (response) => response.end(),
): Promise<Collector> {
  const collector: Omit<Collector, 'url' | 'close'> = { spans: [], headers: [], resource: {} };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      collector.headers.push(request.headers);
      const sent = decodeExport(Buffer.concat(chunks));
      collector.spans.push(...readExport(sent));
      collector.resource = plain(sent.resourceSpans[0]?.resource.attributes);
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return Object.assign(collector, { url, close });
}

/** The spans of an export in JSON. */
export function readSpans(text: string): ReceivedSpan[] {
  return readExport(JSON.parse(text) as Export);
}

export function readExport({ resourceSpans }: Export): ReceivedSpan[] {
  const all = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  return all.map((span) => ({
    ...span,
    attributes: plain(span.attributes),
    events: (span.events ?? []).map(({ name, attributes }) => ({
      name,
      attributes: plain(attributes),
    })),
  }));
}

function plain(attributes: Attributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf(value: Value): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(valueOf);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}

/** The spans of a trace as a tree of names, in the order in which they were sent. */
export type Tree = [name: string, ...below: Tree[]];

/** One tree for each span whose parent is not among the spans. */
export function treesOf(
  spans: readonly Pick<ReceivedSpan, 'spanId' | 'parentSpanId' | 'name'>[],
): Tree[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const below = (parent: string | undefined): Tree[] =>
    spans
      .filter(({ parentSpanId = '' }) =>
        parent === undefined ? !ids.has(parentSpanId) : parentSpanId === parent,
      )
      .map(({ spanId, name }) => [name, ...below(spanId)]);
  return below(undefined);
}
