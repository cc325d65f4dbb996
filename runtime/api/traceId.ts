import type { ServerResponse } from 'node:http';
import { headerValue } from '../model/transport/headers.ts';

/** Carries the id of the trace, where there is one. */
const HEADER = 'x-breakwater-trace-id';

/**
 * Ids of traces by their answers. Each head has its id added when it is written: a header that is set before sends Node a
 * slower way through all the others, which would cost more than the rest of a trace that is not kept.
 */
const ids = new WeakMap<ServerResponse, string>();

/** The answer belongs to this trace. */
export function traceAnswer(response: ServerResponse, traceId: string | undefined): void {
  if (traceId !== undefined) ids.set(response, traceId);
}

/** What the head of the answer says of its trace. */
export function traceHeaders(response: ServerResponse): Record<string, string> {
  const id = ids.get(response);
  return id === undefined ? {} : { [HEADER]: id };
}

/** The same for a head that another server has made, which may name the trace already. */
export function addTraceHeader(response: ServerResponse, raw: string[]): string[] {
  const id = ids.get(response);
  if (id === undefined) return raw;
  if (headerValue(raw, HEADER) === undefined) raw.push(HEADER, id);
  return raw;
}
