import { describe, expect, it } from '@jest/globals';
import { agent, condition, breaker } from '../view/fixtures.ts';
import type { World } from '../view/world.ts';
import { Table } from './table.ts';

const NOTHING: World = { agents: [], breakers: [], limits: [], pods: [] };

const named = (name: string): World['agents'][number] => {
  const one = agent();
  return { ...one, metadata: { ...one.metadata, name } };
};

describe('the table of the console', () => {
  it('has a line for each agent, with the gravest state of its parts', () => {
    const bad = agent([condition('DependenciesHealthy', 'False', 'RateLimited')], {
      gate: 'RateLimited',
    });
    const lines = new Table().lines({ ...NOTHING, agents: [bad, named('calm')] });
    expect(lines.get('shop/triage')).toMatchObject({
      ...{ name: 'triage', kind: 'agent', level: 'bad', pods: '2/2', circuits: '1/1' },
      parts: [{ kind: 'gate', state: 'RateLimited' }],
    });
    expect(lines.get('shop/calm')).toMatchObject({ level: 'ok', state: 'Ready', parts: [] });
  });

  it('makes only those lines again whose objects changed', () => {
    const table = new Table();
    const world = { ...NOTHING, agents: [named('one'), named('two')] };
    const before = table.lines(world);
    const after = table.lines({ ...world, agents: [world.agents[0]!, named('two')] });
    expect(after.get('shop/one')).toBe(before.get('shop/one'));
    expect(after.get('shop/two')).not.toBe(before.get('shop/two'));
  });

  it('has a line for a policy that no agent has', () => {
    const lines = new Table().lines({ ...NOTHING, breakers: [breaker()] });
    expect([...lines.values()]).toMatchObject([{ kind: 'policy', namespace: 'shop', parts: [] }]);
  });

  it('keeps the same transitions while no policy changes', () => {
    const table = new Table();
    const world = { ...NOTHING, breakers: [breaker()] };
    const trips = table.trips(world);
    expect(table.trips({ ...world, agents: [agent()] })).toBe(trips);
    expect(table.trips({ ...world, breakers: [breaker()] })).not.toBe(trips);
  });
});
