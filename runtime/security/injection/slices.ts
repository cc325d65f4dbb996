import { BYTES_PER_CHARACTER, turn } from '../../json/turns.ts';

/** Characters to examine at a time. */
const SLICE = 64 * 1024;
/** Overlap of two slices, so that no phrase is split. */
const OVERLAP = 1024;

/** The text in slices, with other requests in between. */
export async function* slicesOf(text: string, size = SLICE): AsyncGenerator<string> {
  for (let from = 0; from < text.length; from += size - OVERLAP) {
    if (from > 0) await turn(size * BYTES_PER_CHARACTER);
    yield text.slice(from, from + size);
    if (from + size >= text.length) return;
  }
}
