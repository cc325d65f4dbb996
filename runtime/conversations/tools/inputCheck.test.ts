import { describe, expect, it } from '@jest/globals';
import { inputCheck } from './inputCheck.ts';

describe('the check of a tool’s input', () => {
  it('names what does not fit', async () => {
    const check = await inputCheck({
      type: 'object',
      properties: { a: { type: 'string' } },
      required: ['a'],
    });
    expect(check({ a: 'x' })).toBeUndefined();
    expect(check({ a: 1 })).toBe('input/a must be string');
  });

  it('cannot be compiled from a schema with a reference that leads nowhere', async () => {
    await expect(inputCheck({ $ref: '#/nowhere' })).rejects.toThrow("can't resolve reference");
  });

  it('takes linear time for a pattern that backtracks elsewhere', async () => {
    const check = await inputCheck({ properties: { a: { pattern: '^(a+)+$' } } });
    expect(check({ a: 'a'.repeat(50) })).toBeUndefined();
    expect(check({ a: `${'a'.repeat(50)}!` })).toBe('input/a must match pattern "^(a+)+$"');
  });

  it('refuses what is nested deeper than the stack', async () => {
    const check = await inputCheck({ additionalProperties: { $ref: '#' } });
    let deep: object = {};
    for (let level = 0; level < 100_000; level += 1) deep = { deep };
    expect(check(deep)).toBe('it is nested too deep');
  });
});
