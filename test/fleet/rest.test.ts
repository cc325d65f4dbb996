import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { limitOf } from '../../runtime/testing/guardFixture.ts';
import { overrun, Scene } from './scene.ts';
import type { SceneLeader } from './scene.ts';
import { VirtualTime } from './virtualTime.ts';

const PODS = 3;
const MAX_PODS = 7;
const ENDS = ['SIGTERM', 'SIGKILL'] as const;
/** Each pod may have 14 tokens, and gets 1.4 a second. */
const LIMIT: Limit = limitOf({
  ...{ refill: { amount: 10, perMs: 1000 }, capacity: 100 },
  ...{ onLimit: 'Reject', maxWaitMs: 2500 },
  fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'SafeShare', maxPods: MAX_PODS },
});

function withoutLeader(decides: 'Deny' | 'Allow'): Limit {
  return { ...LIMIT, fleet: { ...LIMIT.fleet!, withoutLeader: decides } };
}

interface Resting {
  time: VirtualTime;
  scene: Scene;
  leader: SceneLeader;
}

/** Plays 15 s with idle pods, so that their limits rest. */
async function calm(limit = LIMIT, delayMs = (): number => 1): Promise<Resting> {
  const time = new VirtualTime();
  const scene = new Scene(time, { limits: [limit], pods: PODS, delayMs });
  const leader = scene.elect(false);
  await time.pass(15_000);
  return { time, scene, leader };
}

function sum(scene: Scene, of: 'asked' | 'admitted' | 'rejected'): number {
  return scene.all.reduce((all, pod) => all + pod[of], 0);
}

async function messagesWhile({ time }: Resting, leader: SceneLeader, ms: number): Promise<number> {
  const before = leader.messages;
  await time.pass(ms);
  return leader.messages - before;
}

describe('limits of the fleet', () => {
  it('rest without a message while the safe shares are enough', async () => {
    const resting = await calm();
    const { time, scene, leader } = resting;
    for (const pod of scene.all) pod.load(1);
    await time.pass(10_000);
    expect(await messagesWhile(resting, leader, 120_000)).toBe(0);
    expect(scene.all.map(({ asked, admitted }) => asked - admitted)).toEqual([0, 0, 0]);
    expect(scene.all.map(({ waitedMs }) => waitedMs)).toEqual([0, 0, 0]);
    expect(leader.fleet.figures().pods).toEqual({ linked: PODS, total: PODS });
    const [figures] = leader.fleet.figures().limits;
    expect(figures!.level + figures!.held).toBeCloseTo(LIMIT.capacity);
    expect(scene.all[0]!.guard.stats().limits[0]!.fleet!.safeSeconds).toBe(0);
  });

  it('rest while each pod reports how much of its safe share is used', async () => {
    const { scene } = await calm();
    for (let calls = 0; calls < 7; calls += 1) scene.all[0]!.call();
    const used = scene.all.map(({ guard }) => guard.limits()[0]!.usedPercent);
    expect(used).toEqual([49, 0, 0]);
  });

  it.each([
    ['at once', 1],
    ['late', 400],
  ])(
    'wake when a pod needs more, and then admit what the limit allows if others answer %s',
    async (_, ms) => {
      let sent = 0;
      const delayMs = (): number => 1 + ((sent += 37) % ms);
      const { time, scene, leader } = await calm(LIMIT, delayMs);
      const rested = leader.messages;
      for (let i = 0; i < 95; i += 1) scene.all[0]!.call();
      await time.pass(2_000);
      expect(leader.messages).toBeGreaterThan(rested);
      expect(scene.all[0]).toMatchObject({ admitted: 95, rejected: 0 });
      // One pod has got all tokens so far.
      for (const pod of scene.all) pod.load(5);
      await time.pass(60_000);
      expect(overrun(scene.uses, LIMIT)).toBeLessThan(0.001);
      expect(sum(scene, 'admitted')).toBeGreaterThan(0.97 * (100 + 62 * 10));
    },
  );

  it('admit a burst in all pods up to the limit, whenever they rest and wake', async () => {
    // Pods begin to rest 5 to 7 s after the start, and messages take up to 400 ms.
    for (let at = 4_500; at < 9_500; at += 47) {
      const time = new VirtualTime();
      const tokens = { amount: 1, perMs: 1000 };
      const calmMs = 50 + ((at * 7) % 1900);
      const limit = { ...LIMIT, refill: tokens, fleet: { ...LIMIT.fleet!, maxPods: 4 } };
      let sent = at;
      const delayMs = (): number => 1 + ((sent += 37) % 400);
      const scene = new Scene(time, { limits: [limit], pods: PODS, delayMs });
      scene.elect(false);
      await time.pass(at - calmMs - 500);
      for (let i = 0; i < 6; i += 1) scene.all[at % PODS]!.call();
      await time.pass(500);
      for (const pod of scene.all) pod.call();
      await time.pass(calmMs);
      for (const pod of scene.all) for (let i = 0; i < 60; i += 1) pod.call();
      await time.pass(1_500);
      for (const pod of scene.all) for (let i = 0; i < 60; i += 1) pod.call();
      await time.pass(3_000);
      expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
      // Tokens that pods held when they began to rest are lost if they wake before the leader learns of them.
      expect(sum(scene, 'admitted')).toBeGreaterThan(80);
    }
  });

  it('rest only while the demand is low, and again once it is low again', async () => {
    const resting = await calm();
    const { time, scene, leader } = resting;
    for (let i = 0; i < 30; i += 1) scene.all[1]!.call();
    await time.pass(4_000);
    expect(await messagesWhile(resting, leader, 1_000)).toBeGreaterThan(0);
    await time.pass(5_000);
    expect(await messagesWhile(resting, leader, 60_000)).toBe(0);
    expect(sum(scene, 'rejected')).toBe(0);
  });

  it.each(ENDS)('keep resting when the leader gets %s and the next begins', async (how) => {
    const resting = await calm();
    const { time, scene, leader } = resting;
    for (const pod of scene.all) pod.load(1);
    await time.pass(5_000);
    leader.stop(how);
    await time.pass(15_000);
    const next = scene.elect();
    await time.pass(5_000);
    expect(await messagesWhile(resting, next, 30_000)).toBe(0);
    expect(next.messages).toBe(PODS);
    expect(next.fleet.figures().pods).toEqual({ linked: PODS, total: PODS });
    expect(scene.all.map(({ asked, admitted }) => asked - admitted)).toEqual([0, 0, 0]);
    expect(scene.all.map(({ waitedMs }) => waitedMs)).toEqual([0, 0, 0]);
    for (let i = 0; i < 60; i += 1) scene.all[0]!.call();
    await time.pass(2_000);
    expect(sum(scene, 'rejected')).toBe(0);
    expect(overrun(scene.uses, LIMIT)).toBeLessThan(0.001);
  });

  it('fall back to the safe share if the leader does not answer a pod that needs more', async () => {
    const { time, scene, leader } = await calm();
    leader.stop('SIGKILL');
    const [pod] = scene.all;
    for (let i = 0; i < 40; i += 1) pod!.call();
    expect(pod).toMatchObject({ admitted: 14, rejected: 0 });
    await time.pass(1_500);
    expect(pod!.rejected).toBeGreaterThan(20);
    const { rejected } = pod!;
    for (let i = 0; i < 40; i += 1) pod!.call();
    // The pod rejects at once, because the leader has not answered before.
    expect(pod!.rejected).toBeGreaterThan(rejected + 35);
    expect(pod!.guard.stats().limits[0]!.fleet!.safeSeconds).toBeGreaterThan(0);
    scene.elect();
    await time.pass(5_000);
    const { admitted } = pod!;
    for (let i = 0; i < 30; i += 1) pod!.call();
    await time.pass(3_000);
    expect(pod!.admitted).toBe(admitted + 30);
    expect(overrun(scene.uses, LIMIT)).toBeLessThan(0.001);
  });

  it.each(['Deny', 'Allow'] as const)('never rest with withoutLeader: %s', async (decides) => {
    const resting = await calm(withoutLeader(decides));
    expect(await messagesWhile(resting, resting.leader, 10_000)).toBeGreaterThanOrEqual(30);
  });

  it('wake when the limits change', async () => {
    const { time, scene, leader } = await calm();
    const rested = leader.messages;
    const changed = withoutLeader('Allow');
    scene.reload([changed], () => 100);
    await time.pass(2_000);
    expect(leader.messages).toBeGreaterThan(rested);
    for (const pod of scene.all) pod.load(20);
    await time.pass(30_000);
    expect(overrun(scene.uses, LIMIT)).toBeLessThan(0.001);
  });

  it('wake when a pod joins, which gets tokens at once', async () => {
    const { time, scene, leader } = await calm();
    const pod = scene.addPod();
    leader.link(pod);
    await time.pass(100);
    for (let i = 0; i < 50; i += 1) pod.call();
    await time.pass(1_000);
    expect(pod).toMatchObject({ admitted: 50, rejected: 0 });
  });

  it('rest with safe shares below one token: a call wakes them and is admitted', async () => {
    const time = new VirtualTime();
    const limit: Limit = {
      ...{ ...LIMIT, refill: { amount: 10, perMs: 60_000 }, capacity: 10 },
      fleet: { ...LIMIT.fleet!, maxPods: 41 },
    };
    const scene = new Scene(time, { limits: [limit], pods: 20 });
    scene.elect(false);
    for (const pod of scene.all.slice(0, 10)) {
      await time.pass(20_000);
      pod.call();
    }
    await time.pass(5_000);
    expect(sum(scene, 'admitted')).toBe(10);
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
  });

  it('give a pod no more than its share if it lies about what is left of it', async () => {
    const { time, scene } = await calm();
    const [one, other, liar] = scene.all;
    const honest = [one!, other!];
    for (const pod of scene.all) for (let i = 0; i < 14; i += 1) pod.call();
    liar!.lie = (report) => ({
      ...report,
      limits: report.limits.map((use) => ({ ...use, carried: 1e6, returned: 1e6, taken: 0 })),
    });
    for (const pod of honest) pod.load(20);
    await time.pass(30_000);
    expect(overrun(scene.uses, LIMIT)).toBeLessThan(LIMIT.capacity / MAX_PODS + 0.01);
  });
});
