import type { Revision } from './generated/types.ts';

/** Highest term and counter that a message or a ConfigMap may hold; that of a Lease's transitions. */
export const MAX_TERM = 2 ** 31 - 1;

/** Negative when `a` is older than `b`, 0 when they are the same, positive when it is newer. */
export function compareRevisions(a: Revision, b: Revision): number {
  return a.term - b.term || a.counter - b.counter;
}

/** `TERM-COUNTER`, as shown in status, logs and metrics. */
export function formatRevision(revision: Revision): string {
  return `${revision.term}-${revision.counter}`;
}

/** The revision that `formatRevision` wrote; undefined when the text is none. */
export function parseRevision(text: string): Revision | undefined {
  const match = /^(0|[1-9]\d{0,9})-(0|[1-9]\d{0,9})$/.exec(text);
  if (match === null) return undefined;
  const revision = { term: Number(match[1]), counter: Number(match[2]) };
  return revision.term <= MAX_TERM && revision.counter <= MAX_TERM ? revision : undefined;
}
