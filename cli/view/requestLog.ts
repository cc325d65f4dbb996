/** A line of a pod's log. */
export interface PodLine {
  pod: string;
  line: string;
}

interface Ids {
  time: string;
  requestId?: string;
  traceId?: string;
  upstreamRequestId?: string;
  /** Present for an audit event. */
  metadata?: { correlation_uid?: string; original_event_uid?: string };
  trace?: { uid?: string };
}

/**
 * The lines about one request, in the order of their times. The id is that of the request, of the provider or of the
 * trace. Includes lines of the request that lack the id.
 */
export function linesOfRequest(lines: readonly PodLine[], id: string): PodLine[] {
  const read = lines.flatMap((each) => {
    const ids = idsIn(each.line);
    return ids ? [{ ...each, ids }] : [];
  });
  const named = read.filter(({ ids }) => namesOf(ids).includes(id));
  const requests = new Set(named.map(({ ids }) => requestOf(ids)));
  requests.delete(undefined);
  return read
    .filter((each) => named.includes(each) || requests.has(requestOf(each.ids)))
    .sort((a, b) => timeOf(a.ids) - timeOf(b.ids))
    .map(({ pod, line }) => ({ pod, line }));
}

function namesOf(ids: Ids): (string | undefined)[] {
  const { requestId, traceId, upstreamRequestId, metadata, trace } = ids;
  const audited = [metadata?.correlation_uid, metadata?.original_event_uid, trace?.uid];
  return [requestId, traceId, upstreamRequestId, ...audited];
}

const requestOf = ({ requestId, metadata }: Ids): string | undefined =>
  requestId ?? metadata?.correlation_uid;

/** The log has times as text, the audit has milliseconds. */
const timeOf = ({ time }: Ids): number => new Date(time).getTime();

function idsIn(line: string): Ids | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Ids;
  } catch {
    return undefined;
  }
}
