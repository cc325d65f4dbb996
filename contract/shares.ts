/** Counts of operations. A client error is the client's fault, or given up by it: neither success nor failure. */
export interface Counts {
  count: number;
  failures: number;
  /** Absent in reports of earlier versions, which counted them as successes. */
  clientErrors?: number;
}

export interface Shares {
  successes: number;
  failures: number;
  clientErrors: number;
  /** Percentages of successes and failures together; 100 and 0 without any. */
  successPercent: number;
  failurePercent: number;
}

/** Successes and failures of counts, and their shares. Pods may invent counts, so that failures and errors count up to `count`. */
export function sharesOf({ count, ...counts }: Counts): Shares {
  const failures = Math.min(count, counts.failures);
  const clientErrors = Math.min(count - failures, counts.clientErrors ?? 0);
  const successes = count - failures - clientErrors;
  const judged = successes + failures;
  const failurePercent = judged === 0 ? 0 : (100 * failures) / judged;
  return {
    successes,
    failures,
    clientErrors,
    successPercent: 100 - failurePercent,
    failurePercent,
  };
}
