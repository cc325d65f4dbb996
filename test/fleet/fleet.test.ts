import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { limitOf } from '../../runtime/testing/guardFixture.ts';
import { overrun, Scene } from './scene.ts';
import { VirtualTime } from './virtualTime.ts';

function fleetLimit(parts: Partial<Limit> = {}, maxPods = 10): Limit {
  return limitOf({
    fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'SafeShare', maxPods },
    ...parts,
  });
}

describe('limits of the fleet', () => {
  it.each([
    ['10/s', { refill: { amount: 10, perMs: 1000 }, capacity: 10 }],
    ['200/s', { refill: { amount: 200, perMs: 1000 }, capacity: 100 }],
    ['10/min', { refill: { amount: 10, perMs: 60_000 }, capacity: 10 }],
  ])('admit the whole limit of %s while one pod has 90 % of the load', async (_, parts) => {
    const time = new VirtualTime();
    const limit = fleetLimit({ ...parts, onLimit: 'Reject' }, 5);
    const scene = new Scene(time, { limits: [limit], pods: 3 });
    scene.elect(false);
    const perSecond = (2000 * limit.refill.amount) / limit.refill.perMs;
    const [hot, ...cold] = scene.all;
    await time.pass(100);
    hot!.load(perSecond * 0.9);
    for (const pod of cold) pod.load(perSecond * 0.05);
    await time.pass(120_000);
    const admitted = scene.uses.reduce((sum, { tokens }) => sum + tokens, 0);
    const most = limit.capacity + (limit.refill.amount * 120_000) / limit.refill.perMs;
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
    expect(admitted / most).toBeGreaterThan(0.95);
  });

  /** What three pods admit in a minute that begins 10 s after their only leader was killed. */
  async function admittedWithoutLeader(
    withoutLeader: 'SafeShare' | 'Deny' | 'Allow',
  ): Promise<{ admitted: number; asked: number; safeSeconds: number }> {
    const time = new VirtualTime();
    const limit = fleetLimit({
      ...{ refill: { amount: 10, perMs: 1000 }, capacity: 10, onLimit: 'Reject' as const },
      fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader, maxPods: 5 },
    });
    const scene = new Scene(time, { limits: [limit], pods: 3 });
    const leader = scene.elect(false);
    for (const pod of scene.all) pod.load(10);
    await time.pass(5_000);
    leader.stop('SIGKILL');
    await time.pass(10_000);
    const calls = (): { admitted: number; asked: number } => ({
      admitted: scene.all.reduce((sum, { admitted }) => sum + admitted, 0),
      asked: scene.all.reduce((sum, { asked }) => sum + asked, 0),
    });
    const before = calls();
    await time.pass(60_000);
    const after = calls();
    const { safeSeconds } = scene.all[0]!.guard.stats().limits[0]!.fleet!;
    const [admitted, asked] = [after.admitted - before.admitted, after.asked - before.asked];
    return { admitted, asked, safeSeconds };
  }

  it('admit the safe share of each pod without a leader', async () => {
    // Three of at most five pods: 6 of 10 a second.
    const { admitted, safeSeconds } = await admittedWithoutLeader('SafeShare');
    // 70 s without the leader, less 6 s in which it could still count on the share.
    expect(safeSeconds).toBeGreaterThan(63);
    expect(safeSeconds).toBeLessThan(65);
    expect(admitted).toBeGreaterThan(0.95 * 360);
    expect(admitted).toBeLessThanOrEqual(360 + 6);
  });

  it('admit nothing without a leader if withoutLeader is Deny', async () => {
    expect(await admittedWithoutLeader('Deny')).toMatchObject({ admitted: 0, safeSeconds: 0 });
  });

  it('admit everything without a leader if withoutLeader is Allow', async () => {
    const { admitted, asked } = await admittedWithoutLeader('Allow');
    expect(admitted).toBe(asked);
  });

  it('admit no less while leaders change, however late the next one reaches the pods', async () => {
    const time = new VirtualTime();
    const limit = fleetLimit({ refill: { amount: 100, perMs: 1000 }, capacity: 100 }, 13);
    const scene = new Scene(time, { limits: [{ ...limit, onLimit: 'Reject' }], pods: 6 });
    let leader = scene.elect(false);
    await time.pass(5_000);
    const [hot, ...cold] = scene.all;
    hot!.load(180);
    for (const pod of cold) pod.load(4);
    for (const gapMs of [200, 2500, 3500]) {
      await time.pass(10_000 - gapMs);
      leader.stop('SIGTERM');
      await time.pass(gapMs);
      leader = scene.elect();
    }
    await time.pass(10_000);
    const admitted = scene.uses.reduce((sum, { tokens }) => sum + tokens, 0);
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
    expect(admitted).toBeGreaterThan(0.98 * (100 + 100 * 40));
  });

  it.each([
    ['at once', 200, 0],
    ['late', 3500, 0],
    ['without a pod', 200, 1],
  ])('refuse no allowed call when the next leader comes %s', async (_, gapMs, missing) => {
    const time = new VirtualTime();
    const limit = fleetLimit(
      {
        ...{ refill: { amount: 100, perMs: 1000 }, capacity: 100 },
        ...{ onLimit: 'Reject' as const, maxWaitMs: 2500 },
      },
      7,
    );
    // Pods tell the next leader their tokens one after another. Without a pod, one in seven such orders refuses a call or more.
    let sent = 8;
    const delayMs = (): number => (sent += 37) % 300;
    const scene = new Scene(time, { limits: [limit], pods: 3, delayMs });
    const before = scene.elect(false);
    await time.pass(5_000);
    for (const pod of scene.all) pod.load(8);
    await time.pass(10_000);
    before.stop('SIGTERM');
    await time.pass(gapMs);
    const linked = scene.all.slice(missing);
    scene.elect(true, linked);
    await time.pass(20_000);
    expect(linked.map(({ rejected }) => rejected)).toEqual(linked.map(() => 0));
    expect(Math.min(...linked.map(({ admitted }) => admitted))).toBeGreaterThan(200);
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
  });

  it('are not granted by a leaving leader to a pod that the next one may not know', async () => {
    const time = new VirtualTime();
    const limit = fleetLimit({ refill: { amount: 10, perMs: 1000 }, capacity: 10 });
    const scene = new Scene(time, { limits: [{ ...limit, onLimit: 'Reject' }], pods: 1 });
    const leader = scene.elect(false);
    await time.pass(5_000);
    const recent = scene.addPod();
    leader.link(recent);
    for (const pod of scene.all) pod.load(10);
    await time.pass(1_000);
    leader.stop('SIGTERM');
    const { admitted } = recent;
    await time.pass(3_000);
    // It uses up its tokens.
    expect(recent.admitted - admitted).toBeLessThanOrEqual(10);
    expect(scene.all[0]!.admitted).toBeGreaterThan(30);
  });

  it('are not granted twice to a pod that only the leaving leader reaches', async () => {
    const time = new VirtualTime();
    const limit = fleetLimit({ refill: { amount: 10, perMs: 1000 }, capacity: 10 }, 20);
    const scene = new Scene(time, { limits: [{ ...limit, onLimit: 'Reject' }], pods: 2 });
    const before = scene.elect(false);
    const [reached, other] = scene.all;
    other!.load(40);
    await time.pass(10_000);
    before.stop('SIGTERM');
    const next = scene.elect();
    other!.links.get(next)!.close();
    await time.pass(3_500);
    // As long as the next leader lacks a pod, the former leader serves all pods.
    const { admitted } = other!;
    await time.pass(400);
    expect(other!.admitted).toBeGreaterThan(admitted);
    reached!.load(40);
    await time.pass(20_000);
    expect(overrun(scene.uses, limit)).toBeLessThan(0.001);
    expect(reached!.admitted).toBeGreaterThan(0);
  });

  it.each([
    ['asks for all there is', { need: 1e6, want: 1e6 }],
    ['gives back what it never had', { returned: 1e6, refunded: 1e6, need: 1e6, want: 1e6 }],
    ['took nothing, as it says', { taken: 0, need: 1e6, want: 1e6 }],
  ])('leave the other pods their share if one pod lies: it %s', async (_, lie) => {
    const time = new VirtualTime();
    const limit = fleetLimit({ refill: { amount: 30, perMs: 1000 }, capacity: 30 }, 5);
    const scene = new Scene(time, { limits: [{ ...limit, onLimit: 'Reject' }], pods: 3 });
    scene.elect(false);
    const [liar, ...honest] = scene.all;
    liar!.lie = (report) => ({
      ...report,
      limits: report.limits.map((use) => ({ ...use, ...lie })),
    });
    for (const pod of scene.all) pod.load(20);
    await time.pass(60_000);
    // An equal share of 30 a second is 10.
    for (const pod of honest) expect(pod.admitted).toBeGreaterThan(0.8 * 600);
    const others = scene.uses.filter(({ pod }) => pod !== liar!.uid);
    expect(overrun(others, limit)).toBeLessThan(0.001);
  });
});
