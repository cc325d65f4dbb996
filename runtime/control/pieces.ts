import type { Counters, Report, Snapshot } from '../../contract/generated/types.ts';
import { MAX_REPORT_BYTES } from '../../contract/link.ts';

/** Even with the longest names, this many limits take half of the largest message. */
const LIMITS_IN_A_PIECE = 380;

/**
 * Splits a report into messages that fit a link, as JSON. The first message has the first limits. The others are
 * Counters, which the operator merges.
 */
export function inPieces(report: Report): string[] {
  if (isSmall(report)) return [JSON.stringify(report)];
  const { limits } = report;
  const first = { ...report, limits: limits.slice(0, LIMITS_IN_A_PIECE) };
  const texts = [fitting(first)];
  for (let at = LIMITS_IN_A_PIECE; at < limits.length; at += LIMITS_IN_A_PIECE) {
    const more = limits.slice(at, at + LIMITS_IN_A_PIECE);
    texts.push(JSON.stringify({ type: 'Counters', limits: more, circuits: [] }));
  }
  return texts;
}

/** Whether the contract's bounds already keep the report small enough for a link. */
function isSmall(report: Report): report is Exclude<Report, Snapshot | Counters> {
  return report.type !== 'Snapshot' && report.type !== 'Counters';
}

/** Drops the last failures of circuits if the message is too large. It can do without nothing else. */
function fitting(report: Snapshot | Counters): string {
  const text = JSON.stringify(report);
  if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) return text;
  const circuits = report.circuits.map(({ lastFailure: _, ...circuit }) => circuit);
  return JSON.stringify({ ...report, circuits });
}
