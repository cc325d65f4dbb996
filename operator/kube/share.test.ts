import { expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { share, sharing } from './share.ts';

const parsed = (text: string): unknown => JSON.parse(text);

it('leaves the text of both as it was', () => {
  const json = fc.json();
  fc.assert(
    fc.property(json, json, (one, other) => {
      const like = parsed(other);
      expect(JSON.stringify(share(parsed(one), like))).toBe(JSON.stringify(parsed(one)));
      expect(JSON.stringify(like)).toBe(JSON.stringify(parsed(other)));
    }),
  );
});

it('returns the other value if all is equal', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const like = parsed(text);
      expect(share(parsed(text), like)).toBe(like);
    }),
  );
});

it('shares the parts that are equal, at any depth and at the same place of a list', () => {
  const like = { labels: { team: 'a' }, spec: { name: 'x', retry: { max: 3 }, tools: [{}, [1]] } };
  const value = { labels: { team: 'b' }, spec: { retry: { max: 3 }, tools: [{ a: 1 }, [1]] } };
  const result = share(value, like);
  expect(result).toEqual({
    labels: { team: 'b' },
    spec: { retry: { max: 3 }, tools: [{ a: 1 }, [1]] },
  });
  expect(result.spec.retry).toBe(like.spec.retry);
  expect(result.spec.tools[1]).toBe(like.spec.tools[1]);
});

it('shares nothing whose keys are in another order or are not its own', () => {
  const like = { ordered: { a: 1, b: 2 }, own: {} };
  const value = { ordered: { b: 2, a: 1 }, own: parsed('{ "__proto__": {} }') };
  const result = share(value, like);
  expect(Object.keys(result.ordered)).toEqual(['b', 'a']);
  expect(JSON.stringify(result.own)).toBe('{"__proto__":{}}');
  expect(Object.getOwnPropertyDescriptor(result.own, '__proto__')?.value).not.toBe(
    Object.prototype,
  );
});

it('shares each object with the one before it', () => {
  const transform = sharing(({ spec }: { spec: object }) => ({ spec }));
  const [first, second, third] = [1, 1, 2].map((size) => transform({ spec: { size } }));
  expect(second!.spec).toBe(first!.spec);
  expect(third).toEqual({ spec: { size: 2 } });
});
