import { expect, it } from '@jest/globals';
import { maxUnavailable } from './disruptionBudget.ts';
import { agentFixture } from '../../testing/fixtures.ts';

it.each<[number | string, number, number]>([
  [0, 3, 0],
  [1, 3, 1],
  [5, 3, 5],
  ['0%', 3, 0],
  ['25%', 4, 1],
  ['25%', 5, 2],
  ['100%', 3, 3],
])('a budget of %p for %d pods allows %d', (allowed, desired, pods) => {
  const agent = agentFixture('triage', { disruption: { maxUnavailable: allowed } });
  expect(maxUnavailable(agent, desired)).toBe(pods);
});
