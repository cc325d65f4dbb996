/** Times of the processor that this thread took, in milliseconds; waits for it do not count. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/**
 * The longest that one piece of work held the thread. A garbage collection that many pieces have caused would count as
 * one piece's own, so work that took long is done three times, and the least of them counts.
 */
export class Holds {
  longestMs = 0;
  /** What the longest was. */
  longest = '';

  /** The work must be repeatable. Beyond `suspectMs` it is repeated. */
  measure(what: string, work: () => void, suspectMs = 30): void {
    let leastMs = once(work);
    for (let i = 0; i < 2 && leastMs > suspectMs; i += 1) leastMs = Math.min(leastMs, once(work));
    if (leastMs <= this.longestMs) return;
    this.longestMs = leastMs;
    this.longest = what;
  }
}

function once(work: () => void): number {
  const before = threadMs();
  work();
  return threadMs() - before;
}
