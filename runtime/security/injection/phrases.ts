import { folded, readWords } from './words.ts';

/** Words in their order, with others between them. */
export interface Phrase {
  id: string;
  /**
   * Alternatives of each place, parted by spaces. A word with a colon behind it must have one in the text. A number
   * before a place is how many other words may come before it.
   */
  places: readonly { words: readonly string[]; gap: number }[];
}

/** Where a phrase ends, counted in words. */
export interface PhraseHit {
  phrase: number;
  at: number;
}

/** A place of a phrase that a word may take. */
interface Place {
  phrase: number;
  place: number;
  gap: number;
  last: boolean;
}

/** Hits in one stretch of text that are kept at most. */
const MAX_HITS = 1000;
/** Words that are also known backwards and by ROT13: shorter ones would be others. */
const MIN_DISGUISED = 6;

/**
 * Finds phrases in a text, all at once. A word is looked up once, and each place that it may take looks only at where
 * the place before it was taken last: the work is linear in the words.
 */
export class Phrases {
  readonly #places = new Map<string, Place[]>();
  /** Where in the state of a run the places of each phrase begin. */
  readonly #starts: number[] = [];
  #size = 0;

  constructor(phrases: readonly Phrase[]) {
    phrases.forEach(({ places }, phrase) => {
      this.#starts.push(this.#size);
      this.#size += places.length;
      // The last place first, so that one word does not take two places at once.
      for (let place = places.length - 1; place >= 0; place -= 1) {
        const { words, gap } = places[place]!;
        const last = place === places.length - 1;
        for (const word of words) this.#learn(word, { phrase, place, gap, last });
      }
    });
  }

  find(text: string): PhraseHit[] {
    const hits: PhraseHit[] = [];
    const taken = new Int32Array(this.#size).fill(-1);
    readWords(text, (word, at) => {
      const places = this.#places.get(word);
      if (places && hits.length < MAX_HITS) this.#advance(places, at, taken, hits);
    });
    return hits;
  }

  #advance(places: readonly Place[], at: number, taken: Int32Array, hits: PhraseHit[]): void {
    for (const { phrase, place, gap, last } of places) {
      const index = this.#starts[phrase]! + place;
      if (place > 0) {
        const before = taken[index - 1]!;
        if (before < 0 || before >= at || at - before - 1 > gap) continue;
      }
      taken[index] = at;
      if (last) hits.push({ phrase, at });
    }
  }

  #learn(word: string, place: Place): void {
    const plain = folded(word);
    this.#add(plain, place);
    if (plain.length < MIN_DISGUISED || /[^a-z]/.test(plain)) return;
    this.#add(rot13(plain), place);
    this.#add(Array.from(plain).reverse().join(''), place);
  }

  #add(word: string, place: Place): void {
    const known = this.#places.get(word);
    if (!known) this.#places.set(word, [place]);
    else if (!known.some((each) => each.phrase === place.phrase && each.place === place.place)) {
      known.push(place);
    }
  }
}

function rot13(word: string): string {
  return word.replace(/[a-z]/g, (each) =>
    String.fromCharCode(((each.charCodeAt(0) - 97 + 13) % 26) + 97),
  );
}
