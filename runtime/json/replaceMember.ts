import { valuesOf } from './scan.ts';

/**
 * The same JSON with the value of every member called `name` at the top replaced, and every other byte as it was. All
 * duplicates are replaced, since parsers differ in which one counts. The bytes are valid JSON, with an object at the top.
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
