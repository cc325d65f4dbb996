import { requestHeaders } from './headers.ts';
import type { RawHeaders } from './headers.ts';

/** Headers that give nobody a right: formats, versions, traces, and the way that a request took. */
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

/** What SDKs tell of themselves, and traces. */
const HARMLESS_PREFIXES = ['x-stainless-', 'x-b3-'];

/**
 * What tells the requests of clients apart that nobody has checked: all headers that are passed on
 * but the harmless ones, because a gateway may take any of them for a credential. Empty for a request
 * without a credential.
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
