/** Undefined when the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** A member of an object; undefined for other values. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** A string member of an object; empty for other values. */
export function stringMember(value: unknown, name: string): string {
  const member = memberOf(value, name);
  return typeof member === 'string' ? member : '';
}

/** What V8 takes for a value besides the characters of a string, about. */
const VALUE_BYTES = 48;
/** Strings with such a character take two bytes for each. */
const WIDE = /[^\0-\xff]/;

/** About the bytes of memory that a value takes which JSON.parse made. */
export function memoryOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + textMemory(value);
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  if (Array.isArray(value)) return value.reduce<number>((sum, each) => sum + memoryOf(each), VALUE_BYTES); // prettier-ignore
  let bytes = VALUE_BYTES;
  for (const [name, each] of Object.entries(value)) bytes += textMemory(name) + memoryOf(each);
  return bytes;
}

function textMemory(text: string): number {
  return WIDE.test(text) ? 2 * text.length : text.length;
}
