import { describe, expect, it } from '@jest/globals';
import type { Circuit } from '../../../contract/generated/types.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content, limitOf } from '../../testing/guardFixture.ts';
import { OK } from '../../resilience/outcome.ts';
import { Guard } from '../guard.ts';
import type { GuardListener } from '../guardListener.ts';

const NAME = 'model/primary';
const KEY = { hash: 'key', mounted: true };

/** A guard and what it told, each as its name and arguments. */
class Scene {
  readonly clock = new FakeClock();
  readonly told: unknown[][] = [];
  readonly guard = new Guard({ clock: this.clock, listener: this.#listener() });

  apply(circuit: Partial<Circuit> = {}): void {
    this.guard.apply(content({ circuits: [circuitOf({ policy: 'p', ...circuit })] }));
  }

  #listener(): GuardListener {
    const tell =
      (name: string) =>
      (...args: unknown[]): void =>
        void this.told.push([name, ...args]);
    return {
      gate: tell('gate'),
      limit: tell('limit'),
      override: tell('override'),
      reset: tell('reset'),
    };
  }

  /** What was told since the last call. */
  news(): unknown[][] {
    return this.told.splice(0);
  }
}

const ORDER = { dependency: NAME, policy: 'p' };

describe('the listener of a guard', () => {
  it('hears when an override begins, and when its time is over', () => {
    const scene = new Scene();
    scene.apply();
    const expiresAt = new Date(scene.clock.date().getTime() + 60_000).toISOString();
    scene.apply({ override: { state: 'Open', expiresAt } });
    expect(scene.news()).toEqual([['override', ORDER, 'Open']]);
    scene.apply({ override: { state: 'Open', expiresAt } });
    expect(scene.news()).toEqual([]);
    scene.clock.advance(61_000);
    expect(scene.news()).toEqual([['override', ORDER, undefined]]);
  });

  it('hears of a reset by a changed token, and by the first one of a policy in force', () => {
    const scene = new Scene();
    scene.apply();
    scene.apply({ resetToken: '1' });
    expect(scene.news()).toEqual([['reset', ORDER]]);
    scene.apply({ resetToken: '1' });
    expect(scene.news()).toEqual([]);
    scene.apply({ resetToken: '2' });
    expect(scene.news()).toEqual([['reset', ORDER]]);
  });

  it('hears once that a limit begins to turn calls down, until it has stopped for 10 s', () => {
    const scene = new Scene();
    const limit = limitOf({ capacity: 1, refill: { amount: 1, perMs: 60_000 } });
    scene.guard.apply(content({ limits: [limit] }));
    const ask = (): void => {
      const answer = scene.guard.inbound.acquire();
      if (answer.kind === 'Permit') answer.permit.settle(OK);
    };
    for (let i = 0; i < 3; i += 1) ask();
    const told = ['limit', { target: 'inbound', policy: 'limits', name: 'requests' }];
    expect(scene.news()).toEqual([told]);
    scene.clock.advance(10_000);
    ask();
    expect(scene.news()).toEqual([told]);
  });

  it('hears when a gate shuts, and when it is open again', () => {
    const scene = new Scene();
    scene.apply();
    const dependency = scene.guard.dependency(NAME)!;
    const permit = dependency.acquire({ credential: KEY, immediate: true });
    if (permit.kind !== 'Permit') throw new Error('no permit');
    permit.refused('SpendLimit', undefined);
    permit.settle(OK);
    expect(scene.news()).toMatchObject([['gate', { dependency: NAME, gate: 'SpendLimit' }]]);
    scene.guard.useCredential(NAME, 'another key');
    scene.clock.advance(5000);
    scene.guard.circuits();
    expect(scene.news().at(-1)).toEqual(['gate', { dependency: NAME, gate: 'SpendLimit' }]);
    const probe = dependency.acquire({ credential: { hash: 'another key', mounted: true } });
    if (probe.kind !== 'Permit') throw new Error('no probe');
    probe.settle(OK);
    scene.guard.circuits();
    expect(scene.news()).toEqual([['gate', { dependency: NAME, gate: 'None' }]]);
  });
});
