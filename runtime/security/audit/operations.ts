import { PROTOCOLS } from '../../protocols/protocols.ts';

/** Operations by method and route, as metrics name them. */
const OPERATIONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    PROTOCOLS.flatMap(({ routes }) =>
      routes.map(({ method, route, operation }) => [`${method} ${route}`, operation]),
    ),
  ),
  'POST /v1/conversations': 'conversations.create',
  'GET /v1/conversations/{id}': 'conversations.read',
  'DELETE /v1/conversations/{id}': 'conversations.delete',
  'POST /v1/conversations/{id}/messages': 'conversations.send',
};

/** Whose API an operation belongs to. */
const VENDORS: ReadonlyMap<string, string> = new Map(
  PROTOCOLS.flatMap(({ routes, vendor }) => routes.map(({ operation }) => [operation, vendor])),
);

/** The vendor of the model that an operation asks. */
export function vendorOf(operation: string): string {
  return VENDORS.get(operation) ?? PROTOCOLS[0].vendor;
}

export function operationOf(method: string | undefined, route: string): string {
  return OPERATIONS[`${method} ${route}`] ?? 'unknown';
}

const TRACE_PARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-/;

/** The trace id of a client's request (W3C Trace Context). */
export function traceIdIn(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? TRACE_PARENT.exec(header)?.[1] : undefined;
}
