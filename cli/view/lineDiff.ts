/** Number of unchanged lines around a change. */
const CONTEXT = 3;

type Change = { sign: ' ' | '-' | '+'; line: string };

/** Changed lines between two texts, with three lines around each change. Empty for equal texts. */
export function lineDiff(before: string, after: string): string[] {
  const changes = changesOf(before.split('\n'), after.split('\n'));
  const near = changes.map((_, at) =>
    changes.slice(Math.max(0, at - CONTEXT), at + CONTEXT + 1).some(({ sign }) => sign !== ' '),
  );
  return changes.flatMap(({ sign, line }, at) => {
    if (!near[at]) return [];
    const gap = at > 0 && !near[at - 1] ? ['@@'] : [];
    return [...gap, `${sign}${line}`];
  });
}

/** Compares by the longest common subsequence of lines. */
function changesOf(before: readonly string[], after: readonly string[]): Change[] {
  const lengths = commonLengths(before, after);
  const changes: Change[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      changes.push({ sign: ' ', line: before[i]! });
      i += 1;
      j += 1;
    } else if (
      j >= after.length ||
      (i < before.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)
    ) {
      changes.push({ sign: '-', line: before[i]! });
      i += 1;
    } else {
      changes.push({ sign: '+', line: after[j]! });
      j += 1;
    }
  }
  return changes;
}

/** Lengths of the longest common subsequences of the rests of both texts. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array[] {
  const lengths = Array.from(
    { length: before.length + 1 },
    () => new Uint32Array(after.length + 1),
  );
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      lengths[i]![j] =
        before[i] === after[j]
          ? lengths[i + 1]![j + 1]! + 1
          : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  return lengths;
}
