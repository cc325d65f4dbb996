import { describe, expect, it } from '@jest/globals';
import { readObjects } from './document.ts';

const TEXT = `kind: A
metadata: { name: one }
---
# A comment, and nothing else.
---
kind: List
items:
  - kind: B
    spec:
      limits:
        - name: x
          capacity: many
`;

describe('readObjects', () => {
  it('finds the objects of all documents and lists, and the lines of their fields', () => {
    const reading = readObjects(TEXT);
    if (!reading.ok) throw new Error('it is well-formed');
    expect(reading.objects.map(({ object }) => object.kind)).toEqual(['A', 'B']);
    const [one, two] = reading.objects;
    expect(one!.lineOf(['metadata', 'name'])).toBe(2);
    expect(two!.lineOf(['spec', 'limits', 0, 'capacity'])).toBe(12);
    expect(two!.lineOf(['spec', 'limits', 0, 'refill'])).toBe(11);
    expect(two!.lineOf(['spec', 'scope'])).toBe(9);
  });

  it('names the place where a file is no YAML, without quoting it', () => {
    const reading = readObjects('kind: A\nkey: "secret-value\n');
    expect(reading).toMatchObject({ ok: false, faults: [{ line: 3 }] });
    expect(JSON.stringify(reading)).not.toContain('secret-value');
  });

  it('refuses a document that is no object, and accepts an empty file', () => {
    expect(readObjects('kind: A\n---\n- 1\n')).toMatchObject({ ok: false, faults: [{ line: 3 }] });
    expect(readObjects('')).toEqual({ ok: true, objects: [] });
  });
});
