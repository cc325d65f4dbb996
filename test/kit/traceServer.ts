import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { readJson, sendJson } from '../../cli/simulator/json.ts';
import { readExport } from '../../runtime/testing/collector.ts';
import { decodeExport } from '../../runtime/testing/otlp.ts';
import type { Export, ReceivedSpan } from '../../runtime/testing/otlp.ts';
import { traceTree } from './traceTree.ts';

/** Reads an export in JSON or Protocol Buffers. */
async function readOtlp(req: IncomingMessage): Promise<Export> {
  if (req.headers['content-type'] === 'application/json') return (await readJson(req)) as Export;
  return decodeExport(await buffer(req));
}

const MAX_SPANS = 20_000;
const REQUEST_ID = 'breakwater.request.id';

/** A traced request or reconcile. */
export interface TraceSummary {
  traceId: string;
  name: string;
  spans: number;
  attempts?: unknown;
  requestId?: unknown;
}

/**
 * A collector that keeps the last spans and can run in a pod of the demo. It receives OTLP over HTTP at POST /v1/traces.
 * GET /traces lists traces, newest first. GET /traces/ID returns the spans of a trace, GET /trees/ID a readable text. ID is
 * that of a trace or of a request.
 */
export class TraceServer {
  readonly #server: Server = createServer((req, res) => void this.#handle(req, res));
  #spans: ReceivedSpan[] = [];

  /** Listens on all addresses. */
  listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, () => resolve());
    return promise;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await this.#answer(req, res);
    } catch (error) {
      sendJson(res, 400, { error: (error as Error).message });
    }
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [, root = '', id = ''] = (req.url ?? '').split('/');
    if (req.method === 'POST' && req.url === '/v1/traces') {
      this.#spans.push(...readExport(await readOtlp(req)));
      this.#spans = this.#spans.slice(-MAX_SPANS);
      return sendJson(res, 200, {});
    }
    const found = req.method === 'GET' ? this.#page(root, id) : undefined;
    if (found === undefined) return sendJson(res, 404, { error: 'no such trace' });
    if (typeof found !== 'string') return sendJson(res, 200, found);
    res.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
    res.end(found);
  }

  #page(root: string, id: string): object | string | undefined {
    if (root === 'traces' && id === '') return this.#summaries();
    const trace = this.#trace(id);
    if (trace.length === 0) return undefined;
    if (root === 'traces') return trace;
    return root === 'trees' ? `${traceTree(trace).join('\n')}\n` : undefined;
  }

  /** The spans of a trace, by its id or that of its request. */
  #trace(id: string): ReceivedSpan[] {
    const ofRequest = this.#spans.find(({ attributes }) => attributes[REQUEST_ID] === id);
    const traceId = ofRequest?.traceId ?? id;
    return this.#spans.filter((span) => span.traceId === traceId);
  }

  #summaries(): TraceSummary[] {
    const counts = new Map<string, number>();
    for (const { traceId } of this.#spans) counts.set(traceId, (counts.get(traceId) ?? 0) + 1);
    const ids = new Set(this.#spans.map(({ spanId }) => spanId));
    const roots = this.#spans.filter(({ parentSpanId = '' }) => !ids.has(parentSpanId));
    return roots.reverse().map(({ traceId, name, attributes }) => ({
      ...{ traceId, name, spans: counts.get(traceId) ?? 0 },
      attempts: attributes['breakwater.attempts'],
      requestId: attributes[REQUEST_ID],
    }));
  }
}
