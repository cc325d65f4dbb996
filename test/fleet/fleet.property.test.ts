import { describe, expect, it } from '@jest/globals';
import type { Limit } from '../../contract/generated/types.ts';
import { limitOf } from '../../runtime/testing/guardFixture.ts';
import fc from '../property.ts';
import { overrun, Scene } from './scene.ts';
import { VirtualTime } from './virtualTime.ts';

/** The most pods at any time. */
const MAX_PODS = 5;

type Step =
  | { do: 'load'; pod: number; perSecond: number }
  | { do: 'burst'; pod: number; calls: number; cost: number; used: number; holdMs: number }
  | { do: 'cut'; pod: number }
  | { do: 'cutFromLast'; pod: number }
  | { do: 'link'; pod: number }
  | { do: 'delay'; least: number; most: number }
  | { do: 'late'; late: boolean }
  | { do: 'pause'; ms: number }
  | { do: 'SIGTERM'; afterMs: number }
  | { do: 'SIGKILL'; afterMs: number }
  | { do: 'overlap'; ms: number }
  | { do: 'addPod' }
  | { do: 'removePod'; pod: number }
  | { do: 'restartPod'; pod: number }
  | { do: 'reload'; amount: number; capacity: number; delayMs: number }
  | { do: 'clock'; ms: number }
  | { do: 'calm'; ms: number }
  | { do: 'pass'; ms: number };

const pod = fc.nat({ max: MAX_PODS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('load' as const),
      pod,
      perSecond: fc.constantFrom(0, 1, 8, 40),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('burst' as const),
      pod,
      calls: fc.integer({ min: 1, max: 30 }),
      cost: fc.integer({ min: 1, max: 12 }),
      used: fc.nat({ max: 20 }),
      holdMs: fc.constantFrom(0, 30, 700, 4000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const), pod }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cutFromLast' as const), pod }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('link' as const), pod }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('delay' as const),
      least: fc.constantFrom(0.3, 5, 200),
      most: fc.constantFrom(1, 40, 2500),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), late: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('pause' as const),
      ms: fc.integer({ min: 10, max: 9000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('SIGTERM' as const),
      afterMs: fc.integer({ min: 0, max: 6000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('SIGKILL' as const),
      afterMs: fc.integer({ min: 0, max: 15_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('overlap' as const),
      ms: fc.integer({ min: 0, max: 12_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('addPod' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removePod' as const), pod }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restartPod' as const), pod }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('reload' as const),
      amount: fc.integer({ min: 1, max: 20 }),
      capacity: fc.integer({ min: 1, max: 40 }),
      delayMs: fc.nat({ max: 300 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      ms: fc.constantFrom(-86_400_000, -1500, 400, 3_600_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('calm' as const),
      ms: fc.integer({ min: 1000, max: 20_000 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.integer({ min: 1, max: 6000 }),
    }),
  },
);

const limit: fc.Arbitrary<Limit> = fc
  .record({
    amount: fc.integer({ min: 1, max: 20 }),
    perMs: fc.constantFrom(1000, 10_000),
    capacity: fc.integer({ min: 1, max: 40 }),
    resource: fc.constantFrom('Requests' as const, 'InputTokens' as const),
    onLimit: fc.constantFrom('Reject' as const, 'Queue' as const),
    withoutLeader: fc.constantFrom('SafeShare' as const, 'SafeShare' as const, 'Deny' as const),
  })
  .map(({ amount, perMs, withoutLeader, ...rest }) =>
    limitOf({
      ...rest,
      refill: { amount, perMs },
      fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader, maxPods: MAX_PODS },
    }),
  );

/** Plays the steps. Returns by how much the fleet exceeded the limit. */
async function play(first: Limit, pods: number, steps: readonly Step[]): Promise<number> {
  const time = new VirtualTime();
  const scene = new Scene(time, { limits: [first], pods });
  const loads = new Map<string, number>();
  let random = 1;
  const uniform = (): number => (random = (random * 16_807) % 2_147_483_647) / 2_147_483_647;
  const podAt = (index: number): Scene['all'][number] | undefined =>
    scene.all[index % scene.all.length];
  const current = (): Scene['leaders'][number] | undefined =>
    scene.leaders.filter(({ leads, stays }) => leads && stays).at(-1);
  let most = { amount: first.refill.amount, capacity: first.capacity };
  const elect = (): void => void scene.elect(true);
  const end = (how: 'SIGTERM' | 'SIGKILL', afterMs: number): void => {
    const leader = current();
    if (leader === undefined) return;
    leader.stop(how);
    if (how === 'SIGKILL') leader.leads = false;
    time.after(afterMs, elect);
  };
  const run: { [D in Step['do']]: (each: Extract<Step, { do: D }>) => Promise<void> | void } = {
    load: ({ pod: index, perSecond }) => void loads.set(podAt(index)?.uid ?? '', perSecond),
    burst: ({ pod: index, calls, cost, used, holdMs }) => {
      const actual = first.resource === 'Requests' ? undefined : { inputTokens: used };
      for (let i = 0; i < calls; i += 1) podAt(index)?.call(cost, holdMs, actual);
    },
    cut: ({ pod: index }) => podAt(index)?.links.forEach((link) => link.close()),
    // A leaving leader keeps its links.
    cutFromLast: ({ pod: index }) => podAt(index)?.links.get(scene.leaders.at(-1)!)?.close(),
    link: ({ pod: index }) => {
      const found = podAt(index);
      if (found) current()?.link(found);
    },
    delay: ({ least, most: longest }) => {
      scene.delayMs = () => least + uniform() * Math.max(0, longest - least);
    },
    late: ({ late }) => void (scene.late = late),
    pause: ({ ms }) => {
      const leader = current();
      leader?.pause();
      time.after(ms, () => leader?.resume());
    },
    SIGTERM: ({ afterMs }) => end('SIGTERM', afterMs),
    SIGKILL: ({ afterMs }) => end('SIGKILL', afterMs),
    // The former leader's Lease is over, but its process and its links continue.
    overlap: ({ ms }) => {
      const before = current();
      if (before) before.leads = false;
      elect();
      time.after(ms, () => before?.stop('SIGKILL'));
    },
    addPod: () => {
      if (scene.all.length < MAX_PODS) current()?.link(scene.addPod());
    },
    removePod: ({ pod: index }) => {
      const found = podAt(index);
      if (found && scene.all.length > 1) scene.removePod(found);
    },
    restartPod: ({ pod: index }) => {
      const found = podAt(index);
      if (found) current()?.link(scene.restartPod(found));
    },
    reload: ({ amount, capacity, delayMs }) => {
      const { refill } = first;
      most = { amount: Math.max(most.amount, amount), capacity: Math.max(most.capacity, capacity) };
      scene.reload([{ ...first, refill: { ...refill, amount }, capacity }], () => delayMs);
    },
    clock: ({ ms }) => void (time.wallMs += ms),
    // Long enough for pods to rest.
    calm: async ({ ms }) => {
      loads.clear();
      await time.pass(ms);
    },
    pass: async ({ ms }) => {
      for (let left = ms; left > 0; left -= 50) {
        for (const each of scene.all) {
          const calls = ((loads.get(each.uid) ?? 0) * 50) / 1000;
          const whole = Math.floor(calls + uniform());
          for (let i = 0; i < whole; i += 1) each.call(3);
        }
        await time.pass(Math.min(left, 50));
      }
    },
  };
  elect();
  for (const each of steps) await run[each.do](each as never);
  await time.pass(2000);
  const { perMs } = first.refill;
  return overrun(scene.uses, { refill: { amount: most.amount, perMs }, capacity: most.capacity });
}

describe('a limit of the fleet', () => {
  it('is never exceeded over any window, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(
        limit,
        fc.integer({ min: 1, max: MAX_PODS }),
        fc.array(step, { minLength: 5, maxLength: 40 }),
        async (first, pods, steps) => {
          const { amount, perMs } = first.refill;
          // Pods read their clocks in whole milliseconds.
          const rounding = (20 * 2) / perMs + (2 * amount) / perMs + 0.001;
          expect(await play(first, pods, steps)).toBeLessThanOrEqual(rounding);
        },
      ),
      {
        numRuns: Number(process.env['RUNS'] ?? 60),
        ...(process.env['FCPATH'] && { path: process.env['FCPATH'] }),
      },
    );
  }, 60_000);
});
