import type { SealedEvent } from '../../../contract/audit.ts';

/** Resource that sends the records. */
export interface OtlpOrigin {
  namespace: string;
  agent: string;
  pod: string;
  podUid: string;
  version: string;
}

/** Severities of OTLP by those of OCSF: Informational, Low, Medium, High, Critical. */
const SEVERITIES: Readonly<Record<string, [number: number, text: string]>> = {
  Informational: [9, 'INFO'],
  Low: [13, 'WARN'],
  Medium: [14, 'WARN2'],
  High: [17, 'ERROR'],
  Critical: [21, 'FATAL'],
};
const UNKNOWN: [number, string] = [0, ''];

const TRACE_ID = /^[0-9a-f]{32}$/;
const NANOSECONDS = 1_000_000n;

type Attribute = { key: string; value: { stringValue: string } };

/**
 * Lines of events as log records of OTLP over HTTP, in JSON. The body of a record is the sealed event; a repeated event has the
 * same `log.record.uid`.
 */
export function otlpLogs(
  { namespace, agent, pod, podUid, version }: OtlpOrigin,
  lines: readonly string[],
): string {
  const attributes = [
    ...named('service.name', agent),
    ...named('service.namespace', namespace),
    ...named('service.version', version),
    ...named('service.instance.id', podUid),
    ...named('k8s.namespace.name', namespace),
    ...named('k8s.pod.name', pod),
    ...named('k8s.pod.uid', podUid),
  ];
  const scope = { name: 'breakwater.audit', version };
  const logRecords = lines.map(logRecord);
  return JSON.stringify({
    resourceLogs: [{ resource: { attributes }, scopeLogs: [{ scope, logRecords }] }],
  });
}

function logRecord(line: string): object {
  const event = JSON.parse(line) as SealedEvent & { trace?: { uid?: string } };
  const { metadata, severity = '', time, trace } = event;
  const [severityNumber, severityText] = SEVERITIES[severity] ?? UNKNOWN;
  const timeUnixNano = String(BigInt(time) * NANOSECONDS);
  const eventName = `dev.breakwater.audit.${metadata.event_code}`;
  return {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    ...{ severityNumber, severityText, eventName },
    body: { stringValue: line },
    attributes: [
      ...named('event.name', eventName),
      ...named('log.record.uid', metadata.uid),
      ...named('breakwater.audit.type', metadata.event_code),
    ],
    ...(TRACE_ID.test(trace?.uid ?? '') && { traceId: trace!.uid }),
  };
}

function named(key: string, value: string | undefined): Attribute[] {
  return value === undefined || value === '' ? [] : [{ key, value: { stringValue: value } }];
}
