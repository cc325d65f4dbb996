import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { limitOf } from '../../runtime/testing/guardFixture.ts';
import { overrun, Scene } from './scene.ts';
import type { ScenePod } from './scene.ts';
import { VirtualTime } from './virtualTime.ts';

function fleetLimit(parts: Partial<Limit> = {}, maxPods = 10): Limit {
  return limitOf({ fleet: { withoutLeader: 'SafeShare', maxPods }, ...parts });
}

/** Calls of a pod at an even rate, for ever. */
function load(scene: Scene, pod: ScenePod, perSecond: number): void {
  const next = (): void => {
    if (!pod.alive) return;
    pod.call();
    scene.time.after(1000 / perSecond, next);
  };
  scene.time.after(0, next);
}

describe('limits of the fleet', () => {
  it.each([
    ['10/s', { refill: { amount: 10, perMs: 1000 }, capacity: 10 }],
    ['200/s', { refill: { amount: 200, perMs: 1000 }, capacity: 100 }],
    ['10/min', { refill: { amount: 10, perMs: 60_000 }, capacity: 10 }],
  ])('admit the limit of %s under a load of 90 % on one pod', async (_, parts) => {
    const time = new VirtualTime();
    const limit = fleetLimit({ ...parts, onLimit: 'Reject' }, 5);
    const scene = new Scene(time, { limits: [limit], pods: 3 });
    scene.elect(false);
    const perSecond = (2000 * limit.refill.amount) / limit.refill.perMs;
    const [hot, ...cold] = scene.all;
    await time.pass(100);
    load(scene, hot!, perSecond * 0.9);
    for (const pod of cold) load(scene, pod, perSecond * 0.05);
    await time.pass(120_000);
    const admitted = scene.uses.reduce((sum, { tokens }) => sum + tokens, 0);
    const most = limit.capacity + (limit.refill.amount * 120_000) / limit.refill.perMs;
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
    expect(admitted / most).toBeGreaterThan(0.95);
  });
});
