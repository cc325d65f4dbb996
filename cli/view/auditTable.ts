import { actorOf, outcomeOf, type SealedEvent } from '../../contract/audit.ts';
import { columns, type Level, type Line } from './columns.ts';
import type { Verification } from './verifyAudit.ts';

const HEAD = [
  'TIME',
  'TYPE',
  'OUTCOME',
  'ACTOR',
  'SOURCE',
  'ACTION',
  'REASON',
  'CONVERSATION',
  'REQUEST',
  'POD',
];
const LEVEL: Record<ReturnType<typeof outcomeOf>, Level> = {
  Success: 'ok',
  Failure: 'warn',
  Denied: 'bad',
};

/** Events as lines of text, in their order. */
export function auditTable(events: readonly SealedEvent[], width: number): string[] {
  if (events.length === 0) return ['No events.'];
  return columns(events.map(lineOf), { head: HEAD, width });
}

function lineOf(event: SealedEvent): Line {
  const { api, metadata, severity } = event;
  const { actor, src_endpoint: source } = event.evidences?.[0] ?? event;
  return {
    level: LEVEL[outcomeOf(event)],
    cells: [
      new Date(event.time).toISOString().replace('T', ' ').slice(0, 23),
      textOf(metadata.event_code),
      outcomeOf(event),
      actorOf(event),
      textOf(source?.ip),
      textOf(api?.operation ?? (event.evidences && severity)),
      textOf(event.status_code),
      textOf(actor?.session?.uid),
      textOf(metadata.correlation_uid),
      textOf(metadata.source?.split('/').at(-1)),
    ],
  };
}

const textOf = (text: string | undefined): string => text ?? '';

/** Result of a check of files, as lines of text. */
export function verification({ events, chains, findings, unchecked }: Verification): string[] {
  const verdict =
    findings.length === 0
      ? unchecked.length === 0
        ? 'whole'
        : 'whole as far as it could be checked'
      : `not whole: ${[...new Set(findings.map((f) => f.kind))].join(', ').toLowerCase()}`;
  return [
    events === 0
      ? 'There are no events.'
      : `${events} events of ${chains.length} ${chains.length === 1 ? 'chain' : 'chains'}: ${verdict}.`,
    ...chains.map(({ chain, first, last }) => `  ${chain}  events ${first} to ${last}`),
    ...findings.map(
      ({ kind, where, message }) =>
        `${kind.toUpperCase()}  ${where === undefined ? '' : `${where}  `}${message}`,
    ),
    ...unchecked.map((what) => `UNCHECKED  ${what}`),
  ];
}
