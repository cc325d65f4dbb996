import { expect, it } from '@jest/globals';
import { agentFixture, breakerFixture, target } from '../testing/fixtures.ts';
import { Attachments } from './attachments.ts';
import { ChangeBatch } from './changeBatch.ts';
import type { Change } from './changes.ts';

it('joins a namespace once for all changes that come in together', () => {
  let joined = 0;
  const attachments = new Attachments({
    agents: { list: () => (joined++, [agentFixture('a'), agentFixture('b')]) },
    breakers: { list: () => [breakerFixture('for-a', { targetRefs: [target('a')] })] },
    limits: { list: () => [] },
  } as unknown as ConstructorParameters<typeof Attachments>[0]);
  const before = attachments.of('support');
  const waiting: (() => void)[] = [];
  const changes: Change[] = [];
  const batch = new ChangeBatch(
    attachments,
    (change) => changes.push(change),
    (call) => waiting.push(call),
  );
  const policy = { kind: 'CircuitBreakerPolicy', name: 'for-a' } as const;
  for (const name of ['a', 'b', 'a']) batch.agentChanged('support', name);
  batch.policyChanged('support', policy);
  expect(waiting).toHaveLength(1);
  waiting[0]!();
  expect(joined).toBe(2);
  expect(changes).toEqual([
    {
      namespace: 'support',
      attachments: [before, attachments.of('support')],
      agents: ['a', 'b'],
      policies: [policy],
    },
  ]);
});
