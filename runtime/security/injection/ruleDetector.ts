import type { RE2Set } from 're2js';
import { NOTHING_FOUND } from './detector.ts';
import type { InjectionDetector, InjectionSource, InjectionVerdict } from './detector.ts';
import { segmentsOf } from './normalize.ts';
import type { Segment } from './normalize.ts';
import { Phrases } from './phrases.ts';
import { MARKERS, ORDINARY, PHRASES, SPARED } from './rules.ts';
import type { MarkerRule, PhraseRule } from './rules.ts';
import { slicesOf } from './slices.ts';

/** Number of words within which hits add up. */
const WINDOW = 120;
/** Words before and after the last one of an ordinary phrase in which hits weigh less, and their share. */
const ORDINARY_BEFORE = 7;
const ORDINARY_AFTER = 2;
const ORDINARY_SHARE = 0.4;
/** Largest number of rules in a verdict. */
const MAX_NAMED = 5;

/** A hit of a rule, with its weight at this place. */
interface Hit {
  rule: string;
  /** Index of the word; undefined if it counts for the whole segment. */
  at: number;
  weight: number;
}

/** Detects injections by phrases and markers in normalised text. */
export class RuleDetector implements InjectionDetector {
  readonly #phrases = new Phrases([...PHRASES, ...ORDINARY].map(parsed));
  readonly #markers: RE2Set;

  /** Loads the engine for patterns, which only this needs. */
  static async load(): Promise<RuleDetector> {
    const { RE2Set } = await import('re2js');
    const markers = new RE2Set();
    for (const { pattern } of MARKERS) markers.add(pattern);
    markers.compile();
    return new RuleDetector(markers);
  }

  private constructor(markers: RE2Set) {
    this.#markers = markers;
  }

  async examine(text: string, source: InjectionSource): Promise<InjectionVerdict> {
    let worst = NOTHING_FOUND;
    for await (const slice of slicesOf(text)) {
      const verdict = this.#slice(slice, source);
      if (verdict.score > worst.score) worst = verdict;
    }
    return worst;
  }

  #slice(text: string, source: InjectionSource): InjectionVerdict {
    let worst = NOTHING_FOUND;
    for (const segment of segmentsOf(text)) {
      const verdict = scoreOf(this.#hits(segment, source));
      if (verdict.score > worst.score) worst = verdict;
    }
    return worst;
  }

  #hits({ kind, text }: Segment, source: InjectionSource): Hit[] {
    const weigh = (rule: PhraseRule | MarkerRule): number => {
      const share = rule.in && !rule.in.includes(source) ? 0.5 : 1;
      const weight = (rule.weight * share) / 100;
      // Hidden text is not meant for people, so it weighs more.
      return kind === 'Hidden' ? 1 - (1 - weight) ** 2 : weight;
    };
    const found = this.#phrases.find(text);
    const ordinary = found.flatMap(({ phrase, at }) => {
      const rule = ORDINARY[phrase - PHRASES.length];
      return rule && (rule.in?.includes(source) ?? true) ? [at] : [];
    });
    const share = (id: string, at: number): number =>
      SPARED.has(id) &&
      ordinary.some((end) => at >= end - ORDINARY_BEFORE && at <= end + ORDINARY_AFTER)
        ? ORDINARY_SHARE
        : 1;
    const hits = found.flatMap(({ phrase, at }): Hit[] => {
      const rule = PHRASES[phrase];
      return rule ? [{ rule: rule.id, at, weight: weigh(rule) * share(rule.id, at) }] : [];
    });
    const markers = this.#markers.match(text.toLowerCase()).map((index): Hit => {
      const rule = MARKERS[index]!;
      return { rule: rule.id, at: Infinity, weight: weigh(rule) };
    });
    return [...hits, ...markers];
  }
}

/** The places of a rule. */
function parsed({
  id,
  phrase,
}: Pick<PhraseRule, 'id' | 'phrase'>): ConstructorParameters<typeof Phrases>[0][number] {
  const places: { words: string[]; gap: number }[] = [];
  let gap = 0;
  for (const part of phrase.split(' ')) {
    if (part.startsWith('..')) gap = Number(part.slice(2));
    else places.push({ words: part.split('|'), gap });
  }
  return { id, places };
}

/** Score of the heaviest `WINDOW` words. Each rule counts once, by its heaviest hit. */
function scoreOf(hits: readonly Hit[]): InjectionVerdict {
  const everywhere = hits.filter(({ at }) => at === Infinity);
  const placed = hits.filter(({ at }) => at !== Infinity);
  let worst = verdictOf(everywhere);
  for (let from = 0, to = 0; from < placed.length; from += 1) {
    while (to < placed.length && placed[to]!.at - placed[from]!.at < WINDOW) to += 1;
    const verdict = verdictOf([...everywhere, ...placed.slice(from, to)]);
    if (verdict.score > worst.score) worst = verdict;
    if (to === placed.length) break;
  }
  return worst;
}

function verdictOf(hits: readonly Hit[]): InjectionVerdict {
  if (hits.length === 0) return NOTHING_FOUND;
  const weights = new Map<string, number>();
  for (const { rule, weight } of hits) {
    weights.set(rule, Math.max(weight, weights.get(rule) ?? 0));
  }
  let innocent = 1;
  for (const weight of weights.values()) innocent *= 1 - weight;
  const rules = [...weights].sort(([, a], [, b]) => b - a).map(([rule]) => rule);
  return { score: Math.round(100 * (1 - innocent)), rules: rules.slice(0, MAX_NAMED) };
}
