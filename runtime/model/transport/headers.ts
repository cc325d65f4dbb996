import type { RemoteContext } from '../../../tracing/span.ts';
import { PRINCIPAL } from '../../guard/admission.ts';

/** Headers as name, value, name, value, … in the order and case they arrived. */
export type RawHeaders = readonly string[];

/** Fields of one connection; a proxy drops them (RFC 9110, 7.6.1). */
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

/** Marks a request that another pod has forwarded, so that it is not forwarded again. */
export const FORWARDED = 'x-breakwater-forwarded';

/** Fields of the runtime's own request: its length, its host, its handshake. */
const OWN_REQUEST: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', FORWARDED]);

/** Baggage is for the client's own services. Providers get it only if configured. */
const WITHOUT_BAGGAGE: ReadonlySet<string> = new Set([...OWN_REQUEST, 'baggage']);

/** Fields of W3C Trace Context. */
export const TRACE_CONTEXT: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** Headers that carry credentials of clients and endpoints. */
export const CREDENTIALS: ReadonlySet<string> = new Set(['x-api-key', 'authorization', 'api-key']);

/** Headers that the agent itself sends to an endpoint. */
export interface OwnHeaders {
  /** Header of the endpoint's own credential, in place of the client's. */
  credential?: readonly [name: string, value: string] | undefined;
  /** Each replaces the client's header of the same name. */
  headers?: readonly [string, string][] | undefined;
  /** Whether the client's baggage passes on. Default: no. */
  baggage?: boolean | undefined;
  /** Whether a header of the client, in small letters, does not pass on. */
  drops?: ((name: string) => boolean) | undefined;
}

/**
 * Headers for the endpoint: the client's without those of the connection. The endpoint's own credential replaces the
 * client's, and our trace context replaces the client's.
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
    if (staysHere(name, replaced, own)) continue;
    headers.push(raw[i]!, askedFor(name, raw[i + 1]!));
  }
  return withOwn(headers, own, context);
}

function staysHere(name: string, replaced: ReadonlySet<string>, { drops }: OwnHeaders): boolean {
  return replaced.has(name) || drops?.(name) === true;
}

/** The value of a client's header for an endpoint: without br, whose decoder takes 16 MiB for 80 bytes. */
function askedFor(name: string, value: string): string {
  if (name !== 'accept-encoding' || !BROTLI.test(value)) return value;
  const others = value.split(',').filter((each) => !BROTLI.test(each));
  return others.length === 0 ? 'identity' : others.join(',').trim();
}

const BROTLI = /(^|,)\s*br\s*(;|,|$)/i;

/** Names of the client's headers to drop. */
function ownRequest({ baggage = false }: OwnHeaders): ReadonlySet<string> {
  return baggage ? OWN_REQUEST : WITHOUT_BAGGAGE;
}

const NONE: ReadonlySet<string> = new Set();

/** Names of the client's headers that the agent replaces. */
function replacedBy({ credential, headers }: OwnHeaders): ReadonlySet<string> {
  if (headers === undefined) return credential === undefined ? NONE : CREDENTIALS;
  const names = headers.map(([name]) => name.toLowerCase());
  return new Set([...names, ...(credential === undefined ? [] : CREDENTIALS)]);
}

function withOwn(
  headers: string[],
  { credential, headers: others }: OwnHeaders,
  context?: RemoteContext,
): string[] {
  if (context !== undefined) headers.push(...traceHeaders(context).flat());
  if (credential !== undefined) headers.push(...credential);
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

/** Begins the names of headers by which the agent speaks to its clients. */
const OF_AGENT = 'x-breakwater-';

/** Headers for the client: the endpoint's without those of the connection. Only a sibling's may be the agent's own. */
export function responseHeaders(
  raw: RawHeaders,
  from: 'Endpoint' | 'Sibling' = 'Endpoint',
): string[] {
  const connection = connectionFields(raw);
  const headers: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (HOP_BY_HOP.has(name) || connection?.has(name)) continue;
    if (from === 'Sibling' || !name.startsWith(OF_AGENT)) headers.push(raw[i]!, raw[i + 1]!);
  }
  return headers;
}

export function isEventStream(headers: RawHeaders): boolean {
  const type = headerValue(headers, 'content-type') ?? '';
  return type.trim().toLowerCase().startsWith('text/event-stream');
}

/** Headers for the client of a body that the runtime sends decoded and in its own pieces. */
export function streamHeaders(raw: RawHeaders): string[] {
  const headers = responseHeaders(raw);
  return headers.filter((_, i) => !OF_BODY.has(headers[i - (i % 2)]!.toLowerCase()));
}

const OF_BODY: ReadonlySet<string> = new Set(['content-encoding', 'content-length']);

/** First value of a header; `name` in lower case. */
export function headerValue(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const each = raw[i]!;
    // Compares lengths first: lower-casing every name would cost more than the rest.
    if (each.length === name.length && each.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

/** Looks up the key of a limit: the principal or a header. */
export function limitKeys(
  principal: string,
  header: (name: string) => string | undefined,
): (name: string) => string | undefined {
  return (name) => (name === PRINCIPAL ? principal : header(name));
}

/** Fields that a Connection header names; undefined if none. */
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

/** Headers that grant no rights: formats, versions, traces, and the request's route. */
const HARMLESS: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'anthropic-beta',
  'anthropic-dangerous-direct-browser-access',
  'anthropic-version',
  'b3',
  'cache-control',
  'content-encoding',
  'content-type',
  'date',
  'idempotency-key',
  'pragma',
  'traceparent',
  'tracestate',
  'user-agent',
  'via',
  'x-app',
  'x-claude-code-session-id',
  'x-correlation-id',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-request-id',
]);

/** Facts about SDKs, and traces. */
const HARMLESS_PREFIXES = ['x-stainless-', 'x-b3-'];

/**
 * Identifies a client that the agent has not authenticated: all forwarded headers but the harmless ones, because a
 * gateway may take any of them for a credential. Empty for a request without a credential.
 */
export function identityHeaders(raw: RawHeaders): string[] {
  const passedOn = requestHeaders(raw);
  const found: string[] = [];
  for (let i = 0; i + 1 < passedOn.length; i += 2) {
    const name = passedOn[i]!.toLowerCase();
    if (HARMLESS.has(name) || HARMLESS_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    found.push(`${name}: ${passedOn[i + 1]}`);
  }
  return found.sort();
}
