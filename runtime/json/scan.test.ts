import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { MAX_JSON_DEPTH, isWritten, edited, scanInSlices, scanObject, textOf } from './scan.ts';
import { JsonTree } from './tree.ts';
import { SLICE_BYTES } from './turns.ts';

const NAMES = new Set(['a', 'model', 'messages', 'ü', '__proto__', 'a"b']);

/** What JSON.parse makes of the bytes, if that is an object. */
function parsed(json: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json.toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The scanner agrees with JSON.parse: on what is an object, and on its members. */
function agree(json: Buffer): void {
  const expected = parsed(json);
  const scanned = scanObject(json, NAMES);
  expect([json.toString(), scanned !== undefined]).toEqual([json.toString(), !!expected]);
  if (!expected || !scanned) return;
  const values = Object.fromEntries(
    Array.from(scanned.members, ([name, { start, end }]) => [
      name,
      JSON.parse(json.toString('utf8', start, end)) as unknown,
    ]),
  );
  const own = Object.entries(expected).filter(([name]) => NAMES.has(name) && isAscii(name));
  const byName = ([a]: [string, unknown], [b]: [string, unknown]): number => (a < b ? -1 : 1);
  expect(Object.entries(values).sort(byName)).toEqual(own.sort(byName));
}

/** Names beyond ASCII are only known by escapes, which the runtime has none of. */
const isAscii = (name: string): boolean => /^[\x20-\x7e]*$/.test(name);

// JSON.parse of Node 24 takes "\u0061" for the key "\\" once it has met that one (docs/decisions).
const name = fc.string().filter((text) => !text.includes('\\'));
const key = fc.oneof(fc.constantFrom('a', 'model', 'messages', 'b', '__proto__'), name);
const value = fc.jsonValue({ maxDepth: 4 });
const space = fc.constantFrom('', ' ', '\n', '\t \r');

/** Objects as text, with duplicates of keys, escapes and white space. */
const text = fc
  .array(fc.tuple(key, value, space, fc.boolean()), { maxLength: 6 })
  .map((members) => {
    const parts = members.map(([name, each, gap, escaped]) => {
      const quoted = escaped ? `"${unicode(name)}"` : JSON.stringify(name);
      return `${gap}${quoted}${gap}:${gap}${JSON.stringify(each, undefined, gap.length)}${gap}`;
    });
    return `{${parts.join(',')}}`;
  });

function unicode(name: string): string {
  return Array.from({ length: name.length }, (_, i) => {
    return `\\u${name.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }).join('');
}

describe('a scan of JSON', () => {
  it('agrees with JSON.parse on objects', () => {
    fc.assert(
      fc.property(text, (json) => agree(Buffer.from(json))),
      { numRuns: 1500 },
    );
  });

  it('reads escaped names', () => {
    JSON.parse('{"\\\\":1}');
    const { members } = scanObject(Buffer.from('{"\\u0061":2}'), NAMES)!;
    expect([...members.keys()]).toEqual(['a']);
  });

  it('agrees with JSON.parse on what is broken', () => {
    const changed = fc
      .tuple(text, fc.nat(), fc.constantFrom(...'{}[],:"\\u0-+.eEtfn19 \n\x01'), fc.nat(2))
      .map(([json, place, put, removed]) => {
        const at = place % (json.length + 1);
        return json.slice(0, at) + put + json.slice(at + removed);
      });
    fc.assert(
      fc.property(changed, (json) => agree(Buffer.from(json))),
      { numRuns: 3000 },
    );
  });

  it('agrees with JSON.parse on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) =>
        agree(Buffer.concat([Buffer.from('{"a":'), bytes, Buffer.from('}')])),
      ),
      { numRuns: 1500 },
    );
  });

  it.each([
    ...[
      '',
      ' ',
      '{',
      '{}',
      ' {} ',
      '[]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{,}',
      '{"a":1}}',
      '{"a":[}]}',
    ],
    ...['{"a":01}', '{"a":-}', '{"a":1.}', '{"a":.1}', '{"a":1e}', '{"a":1E+2}', '{"a":-0.0e-1}'],
    ...[
      '{"a":tru}',
      '{"a":true}',
      '{"a":nulll}',
      '{"a":"\\x"}',
      '{"a":"\\u12g4"}',
      '{"a":"\n"}',
      '\ufeff{}',
    ],
    ...[
      '{"a":1 2}',
      '{"a":"b" "c"}',
      '{"a":[1,]}',
      '{"a":[,1]}',
      '{"a" 1}',
      '{1:1}',
      '{"a":1,"a":2}',
      '{"a":{"a":3}}',
    ],
  ])('agrees with JSON.parse on %p', (json) => agree(Buffer.from(json)));

  it('refuses deep nesting', () => {
    const nested = (depth: number): Buffer =>
      Buffer.from(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    expect(scanObject(nested(MAX_JSON_DEPTH), NAMES)?.values).toBe(2 * MAX_JSON_DEPTH + 1);
    expect(scanObject(nested(MAX_JSON_DEPTH + 1), NAMES)).toBeUndefined();
  });

  it('has the same result in slices', async () => {
    const text = (end: string): Buffer =>
      Buffer.from(`{"a":[${'{"b":1},'.repeat(SLICE_BYTES / 4)}{}],"model":"x"${end}`);
    const whole = scanObject(text('}'), NAMES)!;
    const sliced = (await scanInSlices(text('}'), NAMES))!;
    expect([sliced.values, [...sliced.members]]).toEqual([whole.values, [...whole.members]]);
    expect(await scanInSlices(text(']'), NAMES)).toBeUndefined();
    expect(await scanInSlices(text(''), NAMES)).toBeUndefined();
  });

  it('reads texts and words', () => {
    const json = Buffer.from('"\\u0061é"');
    expect(textOf(json, { start: 0, end: json.length })).toBe('aé');
    expect(isWritten(Buffer.from(' true'), { start: 1, end: 5 }, 'true')).toBe(true);
    expect(isWritten(Buffer.from('1'), { start: 0, end: 1 }, 'true')).toBe(false);
  });
});

const NEW = 'new';

function withModel(json: Buffer, value = NEW): string {
  const span = scanObject(json, NAMES)!.members.get('model')!;
  return edited(json, [{ ...span, text: JSON.stringify(value) }]).toString('utf8');
}

describe('a replaced member', () => {
  it.each([
    ['{"model":"a"}', '{"model":"new"}'],
    ['{ "model" :\n"a" ,"x":1}', '{ "model" :\n"new" ,"x":1}'],
    ['{"x":{"model":"inner"},"model":"a"}', '{"x":{"model":"inner"},"model":"new"}'],
    ['{"x":["model","]}"],"model":null}', '{"x":["model","]}"],"model":"new"}'],
    ['{"mod\\u0065l":"a"}', '{"mod\\u0065l":"new"}'],
    ['{"a":"\\\\","model":1.5e3}', '{"a":"\\\\","model":"new"}'],
    ['{"a":"\\\\\\"model\\":","model":{"a":[1]}}', '{"a":"\\\\\\"model\\":","model":"new"}'],
  ])('turns %s into %s', (from, to) => {
    expect(withModel(Buffer.from(from))).toBe(to);
  });

  it('that stays as it was costs no copy', () => {
    const json = Buffer.from('{"model":"new"}');
    expect(
      edited(json, [
        { ...scanObject(json, NAMES)!.members.get('model')!, text: JSON.stringify(NEW) },
      ]),
    ).toBe(json);
  });

  it('keeps bytes that are not valid UTF-8', () => {
    const body = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('","model":"x"}'),
    ]);
    const { start, end } = scanObject(body, NAMES)!.members.get('model')!;
    expect(edited(body, [{ start, end, text: '"y"' }]).subarray(6, 8)).toEqual(
      Buffer.from([0xff, 0xc3]),
    );
  });

  it('is all that changes in any JSON object', () => {
    const space = fc.constantFrom(undefined, 1, '\t');
    const object = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(
        object,
        fc.option(fc.jsonValue()),
        fc.string(),
        space,
        (rest, model, value, indent) => {
          const before = JSON.stringify({ ...rest, model }, undefined, indent);
          const after = withModel(Buffer.from(before), value);
          expect(JSON.parse(after)).toEqual({ ...(JSON.parse(before) as object), model: value });
        },
      ),
    );
  });
});

/** The value, read through the tree. */
function read(tree: JsonTree, node = tree.root, of: unknown): unknown {
  if (Array.isArray(of))
    return Array.from(tree.elements(node), (each, i) => read(tree, each, of[i]));
  if (typeof of !== 'object' || of === null) return tree.value(node);
  const members = Object.entries(of).map(([name, value]) => {
    return [name, read(tree, tree.member(node, name), value)];
  });
  return Object.fromEntries(members) as unknown;
}

describe('the tree of a JSON text', () => {
  it('has the values of JSON.parse', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), space, (any, gap) => {
        fc.pre(!/__proto__|\\\\/.test(JSON.stringify(any)));
        const json = Buffer.from(` ${JSON.stringify(any, undefined, gap.length)}`);
        const tree = JsonTree.read(json, { start: 1, end: json.length }, 1e6)!;
        const { start, end } = tree.span(tree.root);
        expect([start, end]).toEqual([1, json.length]);
        expect(read(tree, tree.root, any)).toEqual(JSON.parse(json.toString()));
      }),
    );
  });

  it('has the last of several members, and compares names and texts without their escapes', () => {
    const json = Buffer.from('{"a":1,"\\u0061":"b\\u0062\\"","b":["a",{}]}');
    const tree = JsonTree.read(json, { start: 0, end: json.length }, 100)!;
    const a = tree.member(tree.root, 'a');
    expect(tree.text(a)).toBe('bb"');
    expect([tree.is(a, 'bb"'), tree.is(a, 'bb'), tree.is(undefined, 'bb')]).toEqual([
      true,
      false,
      false,
    ]);
    expect(tree.text(tree.member(tree.root, 'b'))).toBe('');
    expect([...tree.elements(a!)]).toEqual([]);
    expect(tree.member(a, 'a')).toBeUndefined();
  });

  it('is not read of more values than asked for', () => {
    const json = Buffer.from('[1,{"a":2}]');
    expect(JsonTree.read(json, { start: 0, end: json.length }, 5)).toBeDefined();
    expect(JsonTree.read(json, { start: 0, end: json.length }, 4)).toBeUndefined();
  });
});
