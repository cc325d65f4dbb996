import type { InjectionDetector, InjectionVerdict } from './detector.ts';
import { slicesOf } from './slices.ts';

/**
 * The rule set Guides: the eight patterns of docs/reference/guides.md, by the ids of their rules. Each counts wherever
 * it stands, in any case of letters, so that many ordinary texts raise alarms.
 */
export const GUIDES_PATTERNS: readonly (readonly [id: string, pattern: string])[] = [
  ['guides-ignore', 'ignore previous instructions'],
  ['guides-disregard', 'disregard all'],
  ['guides-new', 'new instructions'],
  ['guides-system', 'system:'],
  ['guides-admin', 'admin:'],
  ['guides-sudo', 'sudo'],
  ['guides-comment', '<!--'],
  ['guides-script', '<script>'],
];

/** Finds the patterns of the rule set Guides. */
export class GuidesDetector implements InjectionDetector {
  async examine(text: string): Promise<InjectionVerdict> {
    const rules = new Set<string>();
    for await (const slice of slicesOf(text)) {
      const lower = slice.toLowerCase();
      for (const [id, pattern] of GUIDES_PATTERNS) if (lower.includes(pattern)) rules.add(id);
    }
    return { score: rules.size === 0 ? 0 : 100, rules: [...rules] };
  }
}
