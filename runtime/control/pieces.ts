import type { Counters, Report, Snapshot } from '../../contract/generated/types.ts';
import { MAX_REPORT_BYTES } from '../../contract/link.ts';

/** So many limits, with names of the greatest length, are half of the largest message. */
const LIMITS_IN_A_PIECE = 380;

/**
 * The messages, as JSON, that tell a report, each no larger than a link takes. Limits beyond the first ones follow as
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

/** Whether its bounds in the contract are those of a link. */
function isSmall(report: Report): report is Exclude<Report, Snapshot | Counters> {
  return report.type !== 'Snapshot' && report.type !== 'Counters';
}

/** Texts of failures are the provider's, and the only ones that can be left out. */
function fitting(report: Snapshot | Counters): string {
  const text = JSON.stringify(report);
  if (Buffer.byteLength(text) <= MAX_REPORT_BYTES) return text;
  const circuits = report.circuits.map(({ lastFailure: _, ...circuit }) => circuit);
  return JSON.stringify({ ...report, circuits });
}
