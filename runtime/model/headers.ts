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

/** Request fields that belong to our own request: its length, its host, its hand-shake. */
const OWN_REQUEST = new Set(['host', 'content-length', 'expect']);

const CREDENTIALS = new Set(['x-api-key', 'authorization']);

/**
 * Headers for the endpoint: the caller's, but for those of the connection. With a credential of
 * the endpoint's own the caller's are dropped in its favour.
 */
export function requestHeaders(raw: RawHeaders, credential?: string): string[] {
  const dropped = connectionFields(raw);
  const headers = select(raw, (name) => {
    if (HOP_BY_HOP.has(name) || OWN_REQUEST.has(name) || dropped.has(name)) return false;
    return credential === undefined || !CREDENTIALS.has(name);
  });
  if (credential !== undefined) headers.push('x-api-key', credential);
  return headers;
}

/** Headers for the caller: the endpoint's, but for those of the connection. */
export function responseHeaders(raw: RawHeaders): string[] {
  const dropped = connectionFields(raw);
  return select(raw, (name) => !HOP_BY_HOP.has(name) && !dropped.has(name));
}

/** First value of a header; `name` in lower case. */
export function headerValue(raw: RawHeaders, name: string): string | undefined {
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() === name) return raw[i + 1];
  }
  return undefined;
}

function select(raw: RawHeaders, keep: (name: string) => boolean): string[] {
  const selected: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (keep(raw[i]!.toLowerCase())) selected.push(raw[i]!, raw[i + 1]!);
  }
  return selected;
}

/** Fields that a Connection header names as belonging to the connection. */
function connectionFields(raw: RawHeaders): Set<string> {
  const fields = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() !== 'connection') continue;
    for (const field of raw[i + 1]!.split(',')) fields.add(field.trim().toLowerCase());
  }
  return fields;
}
