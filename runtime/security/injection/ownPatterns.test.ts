import { describe, expect, it } from '@jest/globals';
import { combined } from './combined.ts';
import { OwnPatterns } from './ownPatterns.ts';
import type { OwnPattern } from './ownPatterns.ts';
import { RuleDetector } from './ruleDetector.ts';

const FALCON: OwnPattern = { name: 'falcon', pattern: '(?i)project (falcon|osprey)', weight: 60 };

async function load(patterns: readonly OwnPattern[]): Promise<[OwnPatterns, string[]]> {
  const faults: string[] = [];
  return [await OwnPatterns.load(patterns, (name) => faults.push(name)), faults];
}

describe('patterns of the owner', () => {
  it('count by weight in the sources that they are for, also behind 120 KB', async () => {
    const [own] = await load([FALCON, { name: 'door', pattern: 'door', weight: 50, sources: ['UserInput'] }]); // prettier-ignore
    const text = `${'a '.repeat(60_000)} Project OSPREY door`;
    expect(await own.examine(text, 'ToolResults')).toEqual({ score: 60, rules: ['falcon'] });
    expect(await own.examine(text, 'UserInput')).toEqual({ score: 80, rules: ['falcon', 'door'] });
    expect(await own.examine('Project Heron', 'UserInput')).toEqual({ score: 0, rules: [] });
  });

  it('leave out those that are no RE2, report them and keep the others', async () => {
    const bad = [
      { name: 'ahead', pattern: 'a(?=b)', weight: 60 },
      { name: 'open', pattern: '(', weight: 60 },
    ];
    const [own, faults] = await load([...bad, FALCON]);
    expect(faults).toEqual(['ahead', 'open']);
    expect(await own.examine('ab ( project falcon', 'UserInput')).toMatchObject({ rules: ['falcon'] }); // prettier-ignore
  });

  it('add to the score of the rules', async () => {
    const weak = 'Our new instructions for project falcon';
    const rules = await RuleDetector.load();
    const { score: before } = await rules.examine(weak, 'ToolResults');
    const [own] = await load([FALCON]);
    const { score, rules: named } = await combined([rules, own]).examine(weak, 'ToolResults');
    expect([before > 0 && before < 60, score > 60]).toEqual([true, true]);
    expect(named).toContain('falcon');
  });

  it.each(['(a+)+[xy]', '(a|b)*a(a|b){12}[xy]'])(
    'take time that is linear in the text: %s',
    async (pattern) => {
      const [own] = await load([{ name: 'slow', pattern, weight: 60 }]);
      expect((await own.examine('aab'.repeat(20 * 1024), 'UserInput')).score).toBe(0);
    },
  );
});
