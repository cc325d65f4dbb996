import type { RemoteContext } from '../../tracing/span.ts';
import { requestHeaders, responseHeaders } from '../model/transport/headers.ts';
import type { RawHeaders } from '../model/transport/headers.ts';

/** Names the request that the program serves. */
export const REQUEST_HEADER = 'breakwater-request';
/** Names its client. */
export const CLIENT_HEADER = 'breakwater-client';
/** In an answer of the program: the class of its error. */
export const ERROR_HEADER = 'breakwater-error';

/** Begins the names of headers between runtime and program, which no client may send or get. */
const BETWEEN = 'breakwater-';

/** What the program gets to know of a request. */
export interface RequestMarks {
  id: string;
  /** Empty for an unknown client. */
  client: string;
  context?: RemoteContext | undefined;
}

/** The headers that mark a request or a call of a tool for the program. */
export function marks({ id, client }: RequestMarks): [string, string][] {
  const known: [string, string][] =
    client === '' ? [] : [[CLIENT_HEADER, encodeURIComponent(client)]];
  return [[REQUEST_HEADER, id], ...known];
}

/** Headers of a client's request for the program. The host stays the client's, for the links that the program makes. */
export function headersForProgram(raw: RawHeaders, host: string, of: RequestMarks): string[] {
  const own = { headers: marks(of), baggage: true };
  return [...requestHeaders(withoutMarks(raw), own, of.context), 'host', host];
}

/** Headers of the program's answer for the client. */
export function headersFromProgram(raw: RawHeaders): string[] {
  return withoutMarks(responseHeaders(raw));
}

function withoutMarks(raw: RawHeaders): string[] {
  return raw.filter((_, i) => !raw[i - (i % 2)]!.toLowerCase().startsWith(BETWEEN));
}
