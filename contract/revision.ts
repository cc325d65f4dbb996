import type { Revision } from './generated/types.ts';

/** Highest term and counter: a Lease counts its transitions in 32 bits. */
export const MAX_TERM = 2 ** 31 - 1;

/** Negative if `a` is older than `b`, 0 if they are equal, positive if `a` is newer. */
export function compareRevisions(a: Revision, b: Revision): number {
  return a.term - b.term || a.counter - b.counter;
}

/** `TERM-COUNTER`, as in status, logs and metrics. */
export function formatRevision(revision: Revision): string {
  return `${revision.term}-${revision.counter}`;
}

/** Reads what `formatRevision` writes; undefined for any other text. */
export function parseRevision(text: string): Revision | undefined {
  const match = /^(0|[1-9]\d{0,9})-(0|[1-9]\d{0,9})$/.exec(text);
  if (match === null) return undefined;
  const revision = { term: Number(match[1]), counter: Number(match[2]) };
  return revision.term <= MAX_TERM && revision.counter <= MAX_TERM ? revision : undefined;
}
