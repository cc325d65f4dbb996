/** Parts of messages to users. */

export const MAX_NAMED = 5;

/**
 * `a, b and c`, and beyond `max` names `a, b, c and 4 more`.
 * @param total number of names, if `names` has only the first `max` of them
 */
export function list(
  names: readonly string[],
  max: number = MAX_NAMED,
  total: number = names.length,
): string {
  if (total > max) return `${names.slice(0, max).join(', ')} and ${total - max} more`;
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** `1 pod`, `3 pods`, `2 policies`. */
export function count(amount: number, noun: string): string {
  if (amount === 1) return `1 ${noun}`;
  return noun.endsWith('y') ? `${amount} ${noun.slice(0, -1)}ies` : `${amount} ${noun}s`;
}

/** One text of several sentences. Each that another one follows has an end. */
export function sentences(texts: readonly string[]): string {
  const last = texts.length - 1;
  return texts.map((text, at) => (at === last || /[.…]$/.test(text) ? text : `${text}.`)).join(' ');
}

/** Cuts the text to `length` characters, of which the last is an ellipsis. */
export function truncate(text: string, length: number): string {
  if (text.length <= length) return text;
  // The API server stores half a surrogate pair as another character, so the stored text would always differ.
  return `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** Compares by code units: unlike localeCompare, the order is the same on every machine. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
