import { expect, it } from '@jest/globals';
import type { Content, Limit } from '../../../contract/generated/types.ts';
import { FLEET } from '../../../contract/link.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import type { FleetCommand, FleetPod } from '../fleetService.ts';
import { SharedLimits } from './sharedLimits.ts';

const LIMIT: Limit = {
  ...{ target: 'inbound', policy: 'shared', name: 'requests', resource: 'Requests' },
  ...{ refill: { amount: 30, perMs: 3_600_000 }, capacity: 30 },
  ...{ maxKeys: 1, onLimit: 'Reject', maxWaitMs: 2000, mode: 'Enforce', requires: [] },
  fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'Deny', maxPods: 4 },
};
const CONTENT = { limits: [LIMIT] } as unknown as Content;

function service(): {
  limits: SharedLimits;
  clock: FakeClock;
  /** Messages since the last call. */
  sent: () => FleetCommand[];
  link: (connected: boolean, features?: string[]) => void;
} {
  const clock = new FakeClock();
  const messages: FleetCommand[] = [];
  let number = 0;
  const limits = new SharedLimits(
    {
      ...{ session: 'leader', clock, random: () => 0.5, beforeMs: undefined },
      term: () => 1,
      leads: () => true,
      nextNumber: () => (number += 1),
      send: (_, message) => messages.push(message),
      changed: () => undefined,
    },
    'operator-a',
    () => undefined,
  );
  const link = (connected: boolean, features = ['Limit.Fleet']): void => {
    const pod: FleetPod = {
      report: { uid: 'uid', pod: 'triage-1', connected, features },
      target: { name: 'triage-1', running: true },
    };
    limits.pods(() => [pod], 'State');
  };
  return { limits, clock, sent: () => messages.splice(0), link };
}

it('a session begins with the first configuration, and another one with each new link', () => {
  const { limits, sent, link } = service();
  link(true);
  expect(sent()).toEqual([]);
  limits.configure(CONTENT);
  expect(sent()).toMatchObject([{ type: 'Grant', session: 1 }]);
  link(true);
  expect(sent()).toEqual([]);
  link(false);
  expect(limits.isAwaited).toBe(false);
  link(true);
  expect(sent()).toMatchObject([{ type: 'Grant', session: 2 }]);
});

it('a runtime that does not know such limits gets no session', () => {
  const { limits, sent, link } = service();
  limits.configure(CONTENT);
  link(true, []);
  expect(sent()).toEqual([]);
  expect(limits.isAwaited).toBe(false);
});

it('the leader speaks at each heartbeat, the first one at a random time, and releases sessions at its end', async () => {
  const { limits, clock, sent, link } = service();
  limits.configure(CONTENT);
  link(true);
  sent();
  expect(limits.tick()).toBe(FLEET.heartbeatMs / 2);
  expect(sent()).toEqual([]);
  await clock.advance(FLEET.heartbeatMs / 2);
  expect(limits.tick()).toBe(FLEET.heartbeatMs * 1.5);
  expect(sent()).toMatchObject([{ type: 'Grant', answer: true, number: 2 }]);
  limits.end('Deposed');
  expect(sent()).toEqual([{ type: 'Release', term: 1, session: 1 }]);
});

it('an override of a limit ends by the clock of the leader, without another configuration', async () => {
  const { limits, clock, link } = service();
  const expiresAt = new Date(clock.now() + 5000).toISOString();
  const override = { refill: { amount: 5, perMs: 3_600_000 }, capacity: 5, expiresAt };
  limits.configure({ limits: [{ ...LIMIT, override }] } as unknown as Content);
  link(true);
  expect(limits.figures().limits).toMatchObject([{ capacity: 5 }]);
  expect(limits.tick()).toBeLessThanOrEqual(clock.monotonic() + 5000);
  await clock.advance(5000);
  limits.tick();
  expect(limits.figures().limits).toMatchObject([{ capacity: 30 }]);
});
