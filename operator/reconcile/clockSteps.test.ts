import { expect, it } from '@jest/globals';
import type { Command, FleetReport, ProviderUse } from '../../contract/generated/types.ts';
import type { MessageListener } from '../links/links.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { OK } from '../../runtime/resilience/outcome.ts';
import { content, limitOf } from '../../runtime/testing/guardFixture.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { AGENT, target } from '../testing/messages.ts';
import { ledFleet } from '../testing/ledFleet.ts';
import type { FleetOptions } from './fleet.ts';

const HOUR = 3_600_000;
const TICK_MS = 100;
const STEPS = [HOUR, -HOUR, -24 * HOUR, 30 * 24 * HOUR, -1_000, 500];

it('a limit of the fleet holds and is used up while the wall clocks of leader and pod are stepped', async () => {
  const clock = new FakeClock();
  const podClock = new FakeClock();
  const limit = limitOf({
    ...{ refill: { amount: 10, perMs: 1000 }, capacity: 10 },
    fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'SafeShare', maxPods: 3 },
  });
  const pod = target(1);
  let listener: MessageListener = () => undefined;
  const tell = (report: FleetReport | ProviderUse | undefined): void => {
    if (report) listener(pod, report);
  };
  const guard = new Guard({
    clock: {
      now: () => podClock.monotonic(),
      date: () => new Date(podClock.now()),
      setTimer: (ms, fn) => podClock.after(ms, fn),
    },
    leader: { send: tell },
  });
  guard.apply(content({ limits: [limit] }));
  const fleet = ledFleet(new AbortController().signal, {
    links: {
      onChange: () => () => undefined,
      onMessage: (each: MessageListener) => {
        listener = each;
        return () => undefined;
      },
      podsOf: () => [{ uid: pod.uid, connected: true, features: ['Limit.Fleet'] }],
      targetOf: () => ({ ...pod, running: true }),
      send: (_: string, command: Command) => {
        if (command.type === 'Grant') queueMicrotask(() => tell(guard.fleet.apply(command)));
      },
    } as unknown as FleetOptions['links'],
    clock,
  });
  fleet.configure(AGENT, { content: content({ limits: [limit] }) });

  const admitted: number[] = [];
  const asked = { cost: { inputTokens: 1, outputTokens: 0 } };
  for (let tick = 0; tick < 600; tick += 1) {
    if (tick % 100 === 50) (tick % 200 === 50 ? clock : podClock).step(STEPS[(tick - 50) / 100]!);
    for (let call = 0; call < 2; call += 1) {
      const answer = guard.inbound.acquire(asked);
      const admission = answer.kind === 'Waiting' ? answer.admission : answer;
      void Promise.resolve(admission).then((each) => {
        if (each.kind === 'Rejection') return;
        admitted.push(clock.monotonic());
        each.settle(OK);
      });
    }
    await clock.advance(TICK_MS);
    await podClock.advance(TICK_MS);
  }
  // Two ticks: of a call's own time, and of the two clocks, which take turns.
  const most = (ms: number): number => 10 + ((ms + 2 * TICK_MS) * 10) / 1000;
  const overruns = admitted.flatMap((from, i) =>
    admitted.slice(i).map((to, n) => n + 1 - most(to - from)),
  );
  expect(Math.max(...overruns.filter((tokens) => tokens > 0), 0)).toBe(0);
  expect(admitted.length).toBeGreaterThan(0.95 * 600);
  guard.close();
});
