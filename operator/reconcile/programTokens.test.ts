import { expect, it } from '@jest/globals';
import { MOUNTS } from '../../contract/link.ts';
import type { ConfigMap } from '../kube/index.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { ProgramTokens } from './programTokens.ts';

const KEY = 'support/triage';
const agent = agentFixture('triage', {
  program: { image: 'example.com/orders:1', port: 8000, resources: {} },
});

function tokens(): ProgramTokens {
  let count = 0;
  return new ProgramTokens(() => `${++count}`.padStart(43, 'a'));
}

const holds = (token: string): ConfigMap =>
  ({ data: { [MOUNTS.programTokenKey]: token } }) as unknown as ConfigMap;

it('a token lasts until the agent is gone, also before the cache has it', () => {
  const all = tokens();
  const first = all.of(KEY, agent, undefined);
  expect(first).toMatch(/1$/);
  expect(all.of(KEY, agent, undefined)).toBe(first);
  all.forget(KEY);
  expect(all.of(KEY, agent, undefined)).toMatch(/2$/);
});

it('the next leader takes the token of the ConfigMap, unless it is none of ours', () => {
  const stored = 'b'.repeat(43);
  expect(tokens().of(KEY, agent, holds(stored))).toBe(stored);
  expect(tokens().of(KEY, agent, holds('guessed'))).toMatch(/1$/);
});

it('an agent without a program has none', () => {
  expect(tokens().of(KEY, agentFixture(), undefined)).toBeUndefined();
});
