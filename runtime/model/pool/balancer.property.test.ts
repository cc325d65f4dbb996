import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { Balancer } from './balancer.ts';
import type { Choice, Strategy } from './balancer.ts';

const strategies: Strategy[] = ['RoundRobin', 'LeastLoaded', 'Weighted', 'Random'];

const choice = fc.record<Omit<Choice, 'name'>>({
  priority: fc.integer({ min: 0, max: 3 }),
  weight: fc.integer({ min: 1, max: 1000 }),
  availability: fc.constantFrom('Usable', 'Full', 'Shut'),
  load: fc.double({ min: 0, max: 2, noNaN: true }),
  nextLoad: fc.double({ min: 0.001, max: 2, noNaN: true }),
  successShare: fc.double({ min: 0, max: 1, noNaN: true }),
});
const choices = fc
  .array(choice, { minLength: 1, maxLength: 16 })
  .map((list) => list.map((each, i): Choice => ({ name: `e${i}`, ...each })));
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const strategy = fc.constantFrom(...strategies);

const usable = (list: readonly Choice[]): Choice[] =>
  list.filter(({ availability }) => availability === 'Usable');
const lowest = (list: readonly Choice[]): number =>
  Math.min(...list.map(({ priority }) => priority));

const effective = ({ nextLoad, successShare }: Choice): number =>
  nextLoad / Math.max(successShare, 0.05);
const idle = { load: 0, nextLoad: 0.01, successShare: 1 };

/** Numbers from 0 up to 1, evenly spread. */
function spread(count: number): () => number {
  let next = 0;
  return () => (next++ % count) / count;
}

/** How often each is chosen. */
function counts(by: Strategy, list: readonly Choice[], times: number): Record<string, number> {
  const balancer = new Balancer(spread(times));
  const found: Record<string, number> = {};
  for (let i = 0; i < times; i += 1) {
    const { name } = balancer.choose(by, list)!;
    found[name] = (found[name] ?? 0) + 1;
  }
  return found;
}

describe('the choice among endpoints', () => {
  it('is never a full or shut endpoint while another one of any priority is usable', () => {
    fc.assert(
      fc.property(strategy, choices, random, (by, list, at) => {
        fc.pre(usable(list).length > 0);
        const chosen = new Balancer(() => at).choose(by, list)!;
        expect(chosen.availability).toBe('Usable');
        expect(chosen.priority).toBe(lowest(usable(list)));
      }),
    );
  });

  it('prefers a full endpoint to a shut one', () => {
    fc.assert(
      fc.property(strategy, choices, random, (by, list, at) => {
        fc.pre(
          usable(list).length === 0 && list.some(({ availability }) => availability === 'Full'),
        );
        expect(new Balancer(() => at).choose(by, list)!.availability).toBe('Full');
      }),
    );
  });

  it('is the least loaded endpoint of its priority, weighted by its share of successes', () => {
    fc.assert(
      fc.property(choices, random, (list, at) => {
        fc.pre(usable(list).length > 0);
        const chosen = new Balancer(() => at).choose('LeastLoaded', list)!;
        const equals = usable(list).filter(({ priority }) => priority === chosen.priority);
        const loads = equals.map(effective);
        expect(effective(chosen)).toBe(Math.min(...loads));
      }),
    );
  });

  it('follows weight × (1 − load)', () => {
    const part = fc.record({
      weight: fc.integer({ min: 1, max: 20 }),
      load: fc.double({ min: 0, max: 0.9, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
        const list = parts.map((each, i): Choice => {
          return { ...idle, name: `e${i}`, priority: 0, availability: 'Usable', ...each };
        });
        const times = 2000;
        const seen = counts('Weighted', list, times);
        const score = ({ weight, load }: Choice): number => weight * (1 - load);
        const sum = list.reduce((all, each) => all + score(each), 0);
        for (const each of list) {
          const expected = (times * score(each)) / sum;
          expect(Math.abs((seen[each.name] ?? 0) - expected)).toBeLessThanOrEqual(2);
        }
      }),
      { numRuns: 50 },
    );
  });

  it.each(['RoundRobin', 'Random'] as const)('is even with %s', (by) => {
    const equals = ['a', 'b', 'c'].map((name): Choice => {
      return { ...idle, name, priority: 0, weight: 1, availability: 'Usable', load: 0.5 };
    });
    expect(counts(by, equals, 300)).toEqual({ a: 100, b: 100, c: 100 });
  });

  it('keeps taking turns when an endpoint comes and goes', () => {
    const balancer = new Balancer(() => 0);
    const take = (...names: string[]): string =>
      balancer.choose(
        'RoundRobin',
        ['a', 'b', 'c'].map((name): Choice => {
          const availability = names.includes(name) ? 'Usable' : 'Shut';
          return { ...idle, name, priority: 0, weight: 1, availability };
        }),
      )!.name;
    expect([take('a', 'b', 'c'), take('a', 'c'), take('a', 'b', 'c'), take('b', 'c')]).toEqual([
      'a',
      'c',
      'a',
      'b',
    ]);
  });

  it('is undefined without endpoints', () => {
    expect(new Balancer(() => 0).choose('Random', [])).toBeUndefined();
  });
});
