import { expect, it } from '@jest/globals';
import type { FleetCircuitOrder } from '../../../contract/generated/types.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { Guard } from '../guard.ts';

const OPEN: FleetCircuitOrder = {
  ...{ dependency: 'model/primary', number: 'leader.1.1', state: 'Open', reason: 'it fails' },
  ...{ lifetimeMs: 30_000, openForMs: 0, reopened: 0, probeInMs: 5000 },
};

function guardOfFleet(): { guard: Guard; ask: (model?: string) => string } {
  const guard = new Guard({ clock: new FakeClock() });
  const circuit = circuitOf({ fleet: { quorumPercent: 50 } });
  guard.apply(content({ circuits: [circuit] }));
  const ask = (model?: string): string =>
    guard.dependency('model/primary')!.acquire(model === undefined ? undefined : { model }).kind;
  return { guard, ask };
}

it('an order for one model holds up no other model of a pod that has had no calls', () => {
  const { guard, ask } = guardOfFleet();
  const [reply] = guard.followFleet([{ ...OPEN, model: 'opus' }]);
  expect(reply).toMatchObject({ model: 'opus', state: 'Open', fleet: { number: OPEN.number } });
  expect([ask('haiku'), ask('opus')]).toEqual(['Permit', 'Rejection']);
  guard.followFleet([{ ...OPEN, model: 'opus', number: 'leader.1.2', state: 'Closed' }]);
  expect(ask('opus')).toBe('Permit');
});

it('an order without a model holds up the calls that name none', () => {
  const { guard, ask } = guardOfFleet();
  guard.followFleet([OPEN]);
  expect([ask('haiku'), ask()]).toEqual(['Permit', 'Rejection']);
});

it('an order for a model that a pod does not call holds up no other', () => {
  const { guard, ask } = guardOfFleet();
  ask('haiku');
  expect(guard.followFleet([{ ...OPEN, model: 'opus' }])).toMatchObject([{ model: 'opus' }]);
  expect(ask('haiku')).toBe('Permit');
});
