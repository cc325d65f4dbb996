import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { replaceMember } from './replaceMember.ts';
import { valuesOf } from './scan.ts';

const replaced = (text: string, value = 'new'): string =>
  replaceMember(Buffer.from(text), 'model', value).toString('utf8');

describe('replaceMember', () => {
  it.each([
    ['{"model":"a"}', '{"model":"new"}'],
    ['{ "model" :\n"a" ,"x":1}', '{ "model" :\n"new" ,"x":1}'],
    ['{"x":{"model":"inner"},"model":"a"}', '{"x":{"model":"inner"},"model":"new"}'],
    ['{"x":["model","]}"],"model":null}', '{"x":["model","]}"],"model":"new"}'],
    ['{"model":"a","model":"b"}', '{"model":"new","model":"new"}'],
    ['{"mod\\u0065l":"a"}', '{"mod\\u0065l":"new"}'],
    ['{"a":"\\\\","model":1.5e3}', '{"a":"\\\\","model":"new"}'],
    ['{"a":"\\\\\\"model\\":","model":{"a":[1]}}', '{"a":"\\\\\\"model\\":","model":"new"}'],
    ['{"messages":[]}', '{"messages":[]}'],
    ['{}', '{}'],
    [' { } ', ' { } '],
  ])('turns %s into %s', (from, to) => {
    expect(replaced(from)).toBe(to);
  });

  it('writes a value that needs escapes', () => {
    expect(JSON.parse(replaced('{"model":"a"}', 'q"\\é'))).toEqual({ model: 'q"\\é' });
  });

  it('keeps bytes that are not valid UTF-8', () => {
    const body = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('","model":"x"}'),
    ]);
    const out = replaceMember(body, 'model', 'y');
    expect(out.subarray(6, 8)).toEqual(Buffer.from([0xff, 0xc3]));
  });

  it('changes the model and nothing else in any JSON object', () => {
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
          const after = replaced(before, value);
          expect(JSON.parse(after)).toEqual({ ...(JSON.parse(before) as object), model: value });
          const [span] = valuesOf(Buffer.from(before), 'model');
          const bytes = Buffer.from(before);
          expect(Buffer.from(after).subarray(0, span!.start)).toEqual(
            bytes.subarray(0, span!.start),
          );
        },
      ),
    );
  });
});
