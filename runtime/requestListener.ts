import type { IncomingMessage } from 'node:http';
import type { RequestListener } from './observe/trace/requestListener.ts';
import type { RequestTrace } from './observe/trace/requestTrace.ts';
import type { Audit } from './security/audit/audit.ts';
import { operationOf, traceIdIn } from './security/audit/operations.ts';
import type { Detection } from './security/incidents/incident.ts';
import type { Spend } from './security/incidents/spend.ts';
import { RequestWatch } from './security/requestWatch.ts';
import type { SourceAddress } from './security/sourceAddress.ts';

export interface RequestListenerDeps {
  audit: Pick<Audit, 'begin'>;
  report: (detection: Detection) => void;
  spend: Pick<Spend, 'add'>;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  sourceOf: SourceAddress['of'];
}

type ListenTo = (
  request: Pick<IncomingMessage, 'socket' | 'headers' | 'method'>,
  route: string,
  trace: RequestTrace,
) => RequestListener;

/** Makes what records one request in the audit and watches it for attacks. */
export function requestListener({
  audit,
  report,
  spend,
  now,
  sourceOf,
}: RequestListenerDeps): ListenTo {
  return (request, route, trace) => {
    const record = audit.begin(
      request,
      () => ({
        id: trace.ids.requestId,
        traceId: trace.traceId ?? traceIdIn(request.headers['traceparent']),
        operation: operationOf(request.method, route),
      }),
      () => trace.ids.conversation,
    );
    return new RequestWatch(record, {
      report,
      isUnusual: ({ id, authentication }, tokens) =>
        spend.add(`${authentication} ${id}`, tokens, now()),
      ids: () => trace.ids,
      source: sourceOf(request),
    });
  };
}
