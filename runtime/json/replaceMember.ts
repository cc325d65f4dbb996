import { valuesOf } from './scan.ts';

/**
 * Replaces the value of every top-level member `name` and keeps every other byte. Replaces all duplicates, because
 * parsers differ in which one counts. `json` is valid, with an object at the top.
 */
export function replaceMember(json: Buffer, name: string, value: string | number): Buffer {
  const spans = valuesOf(json, name);
  if (spans.length === 0) return json;
  const replacement = Buffer.from(JSON.stringify(value));
  const parts: Buffer[] = [];
  let from = 0;
  for (const span of spans) {
    parts.push(json.subarray(from, span.start), replacement);
    from = span.end;
  }
  parts.push(json.subarray(from));
  return Buffer.concat(parts);
}
