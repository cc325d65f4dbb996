import { folded, readWords } from './words.ts';

/** Words in order, with gaps between them. */
export interface Phrase {
  id: string;
  /**
   * Alternatives for each place, separated by spaces. A word with a colon needs one in the text too. A number before a
   * place is the largest gap in words.
   */
  places: readonly { words: readonly string[]; gap: number }[];
}

/** Index of the word that ends a phrase. */
export interface PhraseHit {
  phrase: number;
  at: number;
}

/** A place of a phrase that a word can fill. */
interface Place {
  phrase: number;
  place: number;
  gap: number;
  last: boolean;
}

/** Largest number of hits in one piece of text. */
const MAX_HITS = 1000;
/** Shortest word to recognise backwards and in ROT13 too: shorter ones collide with other words. */
const MIN_DISGUISED = 6;

/**
 * Finds all phrases of a text in one pass. It looks each word up once, and each place checks only where its
 * predecessor was filled last: the work is linear in the words.
 */
export class Phrases {
  readonly #places = new Map<string, Place[]>();
  /** Offset of each phrase's places in the state of a run. */
  readonly #starts: number[] = [];
  #size = 0;

  constructor(phrases: readonly Phrase[]) {
    phrases.forEach(({ places }, phrase) => {
      this.#starts.push(this.#size);
      this.#size += places.length;
      // Last place first, so that one word does not fill two places.
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
