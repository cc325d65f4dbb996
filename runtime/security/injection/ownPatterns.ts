import type { RE2JS } from 're2js';
import { BYTES_PER_CHARACTER, turn } from '../../json/turns.ts';
import { NOTHING_FOUND } from './detector.ts';
import type { InjectionDetector, InjectionSource, InjectionVerdict } from './detector.ts';
import { slicesOf } from './slices.ts';

export interface OwnPattern {
  name: string;
  /** RE2. */
  pattern: string;
  /** What it adds to the score, up to 100. */
  weight: number;
  /** Absent: all. */
  sources?: readonly string[];
}

interface Compiled extends OwnPattern {
  regexp: RE2JS;
}

/** Characters that one pattern looks at before others have their turn: a poor one takes 40 ms for a KiB. */
const SLICE = 8 * 1024;

/** Finds the patterns of spec.security.promptInjection.patterns in texts as they are. */
export class OwnPatterns implements InjectionDetector {
  readonly #patterns: readonly Compiled[];

  /** @param onFault gets the name of each pattern that is no RE2; it is left out */
  static async load(
    patterns: readonly OwnPattern[],
    onFault: (name: string) => void,
  ): Promise<OwnPatterns> {
    const { RE2JS } = await import('re2js');
    const compiled = patterns.flatMap((each): Compiled[] => {
      try {
        return [{ ...each, regexp: RE2JS.compile(each.pattern) }];
      } catch {
        onFault(each.name);
        return [];
      }
    });
    return new OwnPatterns(compiled);
  }

  private constructor(patterns: readonly Compiled[]) {
    this.#patterns = patterns;
  }

  async examine(text: string, source: InjectionSource): Promise<InjectionVerdict> {
    const left = new Set(this.#patterns.filter(({ sources }) => sources?.includes(source) ?? true));
    const hits: Compiled[] = [];
    for await (const slice of slicesOf(text, SLICE)) {
      for (const pattern of left) {
        await turn(slice.length * BYTES_PER_CHARACTER);
        if (!pattern.regexp.test(slice)) continue;
        hits.push(pattern);
        left.delete(pattern);
      }
    }
    if (hits.length === 0) return NOTHING_FOUND;
    const heaviest = hits.toSorted((a, b) => b.weight - a.weight);
    const innocent = hits.reduce((rest, { weight }) => rest * (1 - weight / 100), 1);
    return {
      score: Math.round(100 * (1 - innocent)),
      rules: heaviest.map(({ name }) => name),
    };
  }
}
