import type { InjectionDetector, InjectionVerdict } from './detector.ts';

/** Largest number of rules in a verdict. */
const MAX_NAMED = 5;

/** Asks all the detectors. Their scores combine like probabilities. */
export function combined(detectors: readonly InjectionDetector[]): InjectionDetector {
  return {
    examine: async (text, source) => {
      const verdicts = await Promise.all(detectors.map((each) => each.examine(text, source)));
      return together(verdicts);
    },
  };
}

function together(verdicts: readonly InjectionVerdict[]): InjectionVerdict {
  const innocent = verdicts.reduce((rest, { score }) => rest * (1 - score / 100), 1);
  const rules = verdicts.toSorted((a, b) => b.score - a.score).flatMap((each) => each.rules);
  const unchecked = verdicts.some((each) => each.unchecked);
  return {
    score: Math.round(100 * (1 - innocent)),
    rules: rules.slice(0, MAX_NAMED),
    ...(unchecked && { unchecked }),
  };
}
