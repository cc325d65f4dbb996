import type { IncomingMessage } from 'node:http';
import type { CredentialIds } from './clients/credentialIds.ts';
import { shownIn } from './clients/clients.ts';
import type { RequestListener } from './observe/trace/requestListener.ts';
import type { RequestTrace } from './observe/trace/requestTrace.ts';
import type { Audit } from './security/audit/audit.ts';
import { operationOf, traceIdIn } from './security/audit/operations.ts';
import type { Detection } from './security/incidents/incident.ts';
import type { Addresses } from './security/incidents/addresses.ts';
import type { Spend } from './security/incidents/spend.ts';
import { RequestWatch } from './security/requestWatch.ts';
import type { SourceAddress } from './security/sourceAddress.ts';

export interface RequestListenerDeps {
  audit: Pick<Audit, 'begin'>;
  report: (detection: Detection) => void;
  spend: Pick<Spend, 'add'>;
  addresses: Pick<Addresses, 'add'>;
  credentialIds: CredentialIds;
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
  addresses,
  credentialIds,
  now,
  sourceOf,
}: RequestListenerDeps): ListenTo {
  return (request, route, trace) => {
    const credential = (): string | undefined => {
      const shown = shownIn(request.headers);
      return shown && credentialIds.of(shown.credential);
    };
    const record = audit.begin(
      request,
      () => ({
        id: trace.ids.requestId,
        traceId: trace.traceId ?? traceIdIn(request.headers['traceparent']),
        operation: operationOf(request.method, route),
      }),
      { conversation: () => trace.ids.conversation, credential },
    );
    return new RequestWatch(record, {
      report,
      isUnusual: ({ id, authentication }, tokens) =>
        spend.add(`${authentication} ${id}`, tokens, now()),
      isElsewhere: ({ id, authentication }, address) =>
        addresses.add(`${authentication} ${id}`, address, now()),
      credential,
      ids: () => trace.ids,
      source: sourceOf(request),
    });
  };
}
