import type { RemoteContext } from '../../observe/trace/span.ts';
import { PRINCIPAL } from '../../guard/admission.ts';

/** Headers as name, value, name, value, … in the order and case they arrived. */
export type RawHeaders = readonly string[];

/** Fields of one connection, which a proxy does not pass on (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Marks a request that another pod has passed on, so that it is not passed on again. */
export const FORWARDED = 'x-breakwater-forwarded';

/** Request fields that belong to our own request: its length, its host, its hand-shake. */
const OWN_REQUEST: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', FORWARDED]);

/** What clients note in baggage is for their own services, and for providers only where they are to have it. */
const WITHOUT_BAGGAGE: ReadonlySet<string> = new Set([...OWN_REQUEST, 'baggage']);

/** Fields of W3C Trace Context. */
export const TRACE_CONTEXT: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** Where clients and endpoints' own keys are shown. */
export const CREDENTIALS: ReadonlySet<string> = new Set(['x-api-key', 'authorization']);

/** What the agent itself shows an endpoint. */
export interface OwnHeaders {
  key?: string | undefined;
  /** How the endpoint expects the key. Default: as x-api-key. */
  scheme?: 'APIKey' | 'Bearer' | undefined;
  /** Each in place of the client's of the same name. */
  headers?: readonly [string, string][] | undefined;
  /** Whether the client's baggage is passed on. Default: it is not. */
  baggage?: boolean | undefined;
}

/**
 * Headers for the endpoint: the client's, but for those of the connection. With a key of the
 * endpoint's own the client's credentials are dropped in its favour, and with a trace context of ours the client's.
 */
export function requestHeaders(
  raw: RawHeaders,
  own: OwnHeaders = {},
  context?: RemoteContext,
): string[] {
  const connection = connectionFields(raw);
  const replaced = replacedBy(own);
  const dropped = ownRequest(own);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || dropped.has(name) || connection?.has(name)) continue;
    if (context !== undefined && TRACE_CONTEXT.has(name)) continue;
    if (!replaced.has(name)) headers.push(raw[i]!, raw[i + 1]!);
  }
  return withOwn(headers, own, context);
}

/** Names of the client's headers that are not passed on. */
function ownRequest({ baggage = false }: OwnHeaders): ReadonlySet<string> {
  return baggage ? OWN_REQUEST : WITHOUT_BAGGAGE;
}

const NONE: ReadonlySet<string> = new Set();

/** Names of the client's headers that give way to the agent's own. */
function replacedBy({ key, headers }: OwnHeaders): ReadonlySet<string> {
  if (headers === undefined) return key === undefined ? NONE : CREDENTIALS;
  const names = headers.map(([name]) => name.toLowerCase());
  return new Set([...names, ...(key === undefined ? [] : CREDENTIALS)]);
}

function withOwn(
  headers: string[],
  { key, scheme, headers: others }: OwnHeaders,
  context?: RemoteContext,
): string[] {
  if (context !== undefined) headers.push(...traceHeaders(context).flat());
  if (key !== undefined && scheme === 'Bearer') headers.push('authorization', `Bearer ${key}`);
  else if (key !== undefined) headers.push('x-api-key', key);
  if (others !== undefined) headers.push(...others.flat());
  return headers;
}

/** A trace context as header fields. */
export function traceHeaders({ traceparent, tracestate }: RemoteContext): [string, string][] {
  const fields: [string, string][] = [];
  if (traceparent !== undefined) fields.push(['traceparent', traceparent]);
  if (tracestate !== undefined) fields.push(['tracestate', tracestate]);
  return fields;
}

/** Headers for the client: the endpoint's, but for those of the connection. */
export function responseHeaders(raw: RawHeaders): string[] {
  const connection = connectionFields(raw);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (!HOP_BY_HOP.has(name) && !connection?.has(name)) headers.push(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

/** Headers for the client of a body that the runtime sends in its own pieces, decoded. */
export function streamHeaders(raw: RawHeaders): string[] {
  const headers = responseHeaders(raw);
  return headers.filter((_, i) => !OF_BODY.has(headers[i - (i % 2)]!.toLowerCase()));
}

const OF_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-length']);

/** First value of a header; `name` in lower case. */
export function headerValue(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const each = raw[i]!;
    // Lengths first: lower-casing every name would cost more than all else that is done with them.
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

/** What limits by key ask for: the caller, or a header. */
export function limitKeys(
  principal: string,
  header: (name: string) => string | undefined,
): (name: string) => string | undefined {
  return (name) => (name === PRINCIPAL ? principal : header(name));
}

/** Fields that a Connection header names as belonging to the connection; undefined when it names none. */
function connectionFields(raw: RawHeaders): Set<string> | undefined {
  let fields: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const each = raw[i]!;
    if (each.length !== CONNECTION.length || each.toLowerCase() !== CONNECTION) continue;
    for (const field of raw[i + 1]!.split(','))
      (fields ??= new Set()).add(field.trim().toLowerCase());
  }
  return fields;
}

const CONNECTION = 'connection';
