import { afterEach, describe, expect, it } from '@jest/globals';
import { SchemaChecks } from './schemaChecks.ts';
import type { SchemaChecksDeps } from './schemaChecks.ts';

let checks: SchemaChecks;
afterEach(() => checks.close());

function start(deps?: SchemaChecksDeps): SchemaChecks {
  checks = new SchemaChecks(deps);
  return checks;
}

const text = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };

describe('a check by a schema', () => {
  it('names what is not valid', async () => {
    const all = start();
    const schema = all.schema(text);
    await expect(all.check(schema, { a: 'x' }, 'input')).resolves.toEqual({ kind: 'Fits' });
    await expect(all.check(schema, { a: 1 }, 'input')).resolves.toEqual({
      kind: 'Unfit',
      why: 'input/a must be string',
    });
  });

  it('refuses a schema that cannot be compiled', async () => {
    const all = start();
    const schema = all.schema({ $ref: '#/nowhere' });
    const refused = { kind: 'Refused', why: expect.stringContaining("can't resolve reference") };
    await expect(all.compile(schema)).resolves.toEqual(refused);
    await expect(all.check(schema, {}, 'input')).resolves.toEqual(refused);
  });

  it('ends when a pattern takes exponential time, and other checks continue', async () => {
    const all = start({ checkMs: 1000 });
    const slow = all.schema({ properties: { a: { pattern: '^(a+)+$' } } });
    const other = all.schema(text);
    const began = performance.now();
    const [first, second, third] = await Promise.all([
      all.check(slow, { a: `${'a'.repeat(50)}!` }, 'input'),
      all.check(other, { a: 'x' }, 'input'),
      all.check(slow, { a: 'b' }, 'input'),
    ]);
    expect(first).toEqual({ kind: 'Unfit', why: 'it takes longer than 1000 ms' });
    expect(second).toEqual({ kind: 'Fits' });
    expect(third).toEqual({ kind: 'Unfit', why: 'the check of an earlier one took too much' });
    expect(performance.now() - began).toBeLessThan(60_000);
  });

  it('ends when a schema takes too much memory, and other checks continue', async () => {
    const all = start({ checkMs: 20_000, heapMb: 24 });
    const names = Array.from({ length: 20_000 }, (_, i) => `p${i}`);
    const large = all.schema({
      properties: Object.fromEntries(names.map((name) => [name, { minLength: 1, maxLength: 2 }])),
    });
    await expect(all.compile(large)).resolves.toMatchObject({ kind: 'Refused' });
    await expect(all.check(all.schema(text), { a: 'x' }, '')).resolves.toEqual({ kind: 'Fits' });
  });

  it('does not block the event loop', async () => {
    const all = start({ checkMs: 1000 });
    const slow = all.schema({ properties: { a: { pattern: '^(a+)+$' } } });
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    await all.check(slow, { a: `${'a'.repeat(50)}!` }, 'input');
    clearInterval(turning);
    expect(turns).toBeGreaterThan(20);
  });
});
