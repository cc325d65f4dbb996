import type { Check, Fault, Seen } from './catalogue.ts';

/**
 * pass: the client gets the best result, and every check holds. partial: the same, but an advisory check fails. safe:
 * not rescued, with a clean error in time. fail: a hang, a truncated answer that looks complete, or a check that
 * fails.
 */
export type Verdict = 'pass' | 'partial' | 'safe' | 'fail';

export interface Judgement {
  verdict: Verdict;
  /** Empty for a pass. */
  why: string;
}

export function judge(fault: Fault, seen: Seen, hasFallback: boolean): Judgement {
  const { calls } = seen;
  const bad = (why: string): Judgement => ({ verdict: 'fail', why });
  if (calls.some(({ outcome }) => outcome === 'hang')) return bad('hang');
  const truncated = calls.some(({ outcome, complete }) => outcome === 'answer' && !complete);
  if (truncated) return bad('a truncated answer is presented as whole');
  const broken = fault.checks.filter(
    (check) => (hasFallback || !check.needsFallback) && !check.holds(seen),
  );
  const required = broken.filter(({ advisory }) => !advisory);
  if (required.length > 0) return bad(names(required));
  const error = calls.find(({ outcome }) => outcome === 'error')?.error;
  if (fault.ideal === 'error') {
    if (error === undefined) return { verdict: 'partial', why: 'answered around the rejection' };
  } else if (error !== undefined) {
    return { verdict: 'safe', why: error };
  }
  if (broken.length > 0) return { verdict: 'partial', why: names(broken) };
  return { verdict: 'pass', why: '' };
}

function names(checks: readonly Check[]): string {
  return checks.map(({ name }) => `not: ${name}`).join('; ');
}
