import { expect, it } from '@jest/globals';
import { agentFixture, breakerFixture, target } from '../testing/fixtures.ts';
import { Attachments } from './attachments.ts';
import { ChangeBatch } from './changeBatch.ts';
import type { Change } from './changes.ts';

it('a batch enqueues once for all changes that come together, and joins no namespace', () => {
  let joined = 0;
  const [a, b] = [agentFixture('a'), agentFixture('b')];
  const policy = breakerFixture('for-a', { targetRefs: [target('a')] });
  const attachments = new Attachments({
    agents: { list: () => (joined++, [a, b]) },
    breakers: { list: () => [policy] },
    limits: { list: () => [] },
  } as unknown as ConstructorParameters<typeof Attachments>[0]);
  attachments.of('support').policiesOf('CircuitBreakerPolicy', 'a');
  const waiting: (() => void)[] = [];
  const changes: Change[] = [];
  const batch = new ChangeBatch(
    attachments,
    (change) => changes.push(change),
    (call) => waiting.push(call),
  );
  const ref = { kind: 'CircuitBreakerPolicy', name: 'for-a' } as const;
  for (const agent of [a, b, a]) batch.agentChanged('support', agent.metadata.name, agent);
  batch.policyChanged('support', ref, breakerFixture('for-a', { targetRefs: [target('b')] }));
  batch.agentChanged('support', 'a', undefined);
  expect(waiting).toHaveLength(1);
  waiting[0]!();
  expect(joined).toBe(1);
  const [change] = changes;
  expect(changes).toHaveLength(1);
  expect(change).toMatchObject({ namespace: 'support', agents: ['a', 'b'], policies: [ref] });
  const [before, after] = change!.attachments!;
  expect([before!, after!].map((each) => each.targetsOf(ref.kind, ref.name))).toEqual([
    ['a'],
    ['b'],
  ]);
  expect(before!.policiesOf(ref.kind, 'a')).toEqual(['for-a']);
  expect(after!.policiesOf(ref.kind, 'a')).toEqual([]);
});
