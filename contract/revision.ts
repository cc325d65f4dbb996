import type { Revision } from './generated/types.ts';

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
  const match = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text);
  if (match === null) return undefined;
  const revision = { term: Number(match[1]), counter: Number(match[2]) };
  const safe = Number.isSafeInteger(revision.term) && Number.isSafeInteger(revision.counter);
  return safe ? revision : undefined;
}
