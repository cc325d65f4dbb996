import { describe, expect, it } from '@jest/globals';
import type { Command, Content, Load } from '../../contract/generated/types.ts';
import { content as runtimeContent } from '../../runtime/testing/guardFixture.ts';
import { harness } from '../testing/linksHarness.ts';
import type { FakeSocket } from '../testing/fakeSocket.ts';
import { AGENT, configuration, hashOf, snapshot, target } from '../testing/messages.ts';
import type { PodTarget } from '../links/target.ts';
import { ledFleet } from '../testing/ledFleet.ts';
import type { Fleet } from './fleet.ts';

const A = hashOf('a');
const IDLE: Load = { inFlight: 0, queued: 0, capacity: 10, accepts: true };
const BUSY: Load = { ...IDLE, inFlight: 5 };

const content = (whenFull: Content['whenFull']): Content =>
  runtimeContent({ whenFull, bulkhead: { maxConcurrent: 10, maxQueued: 0, acquireTimeoutMs: 0 } });

type Harness = ReturnType<typeof harness>;

const ready = (n: number, rest: Partial<PodTarget> = {}): PodTarget =>
  target(n, { ready: true, running: true, ...rest });

/** An agent whose pods run their configuration and report these loads. */
async function agent(
  loads: Load[],
  whenFull: Content['whenFull'] = 'Forward',
): Promise<Harness & { sockets: FakeSocket[]; fleet: Fleet }> {
  const all = harness();
  const fleet = ledFleet(all.lead.signal, all);
  const targets = loads.map((_, n) => ready(n));
  all.links.setTargets(targets);
  fleet.configure(AGENT, { content: content(whenFull) });
  all.links.setDesired(AGENT, configuration('a'), 1);
  const sockets: FakeSocket[] = [];
  for (const [n, load] of loads.entries()) {
    const socket = await all.connect(targets[n]!, undefined);
    socket.say(snapshot(A, { load }));
    sockets.push(socket);
  }
  await all.clock.advance(1_000);
  return { ...all, sockets, fleet };
}

const counters = (load: Load): object => ({ type: 'Counters', limits: [], circuits: [], load });

/** Names and requests in work of the siblings that a pod was told of last; undefined before it was told of any. */
function told({ sent }: FakeSocket): string[] | undefined {
  const last = (sent as Command[]).findLast((each) => each.type === 'Siblings');
  return last?.pods.map(({ pod, inFlight }) => `${pod}:${inFlight}`);
}

const tellings = ({ sent }: FakeSocket): number =>
  (sent as { type: string }[]).filter(({ type }) => type === 'Siblings').length;

describe('figures of siblings', () => {
  it('go only to pods that are half full, those with most room first', async () => {
    const { sockets } = await agent([BUSY, { ...IDLE, inFlight: 3 }, IDLE]);
    expect(sockets.map(told)).toEqual([['triage-2:0', 'triage-1:3'], undefined, undefined]);
  });

  it('go to no pod of an agent that forwards nothing, and are withdrawn when it stops', async () => {
    expect((await agent([BUSY, IDLE], 'Reject')).sockets.map(told)).toEqual([undefined, undefined]);
    const { sockets, fleet, clock } = await agent([BUSY, IDLE]);
    fleet.configure(AGENT, { content: content('Reject') });
    await clock.advance(1_000);
    expect(told(sockets[0]!)).toEqual([]);
  });

  it('show no more room than the agent gives a pod, so that no pod attracts requests by lying', async () => {
    const { sockets } = await agent([BUSY, { ...IDLE, capacity: 1_000_000 }]);
    const last = (sockets[0]!.sent as Command[]).findLast((each) => each.type === 'Siblings');
    expect(last?.pods[0]?.capacity).toBe(10);
  });

  it('leave out pods that are not ready, are deleted, shut down or report no load', async () => {
    const { sockets, links, clock } = await agent([BUSY, IDLE, IDLE, IDLE]);
    expect(told(sockets[0]!)).toHaveLength(3);
    links.setTargets([
      ready(0),
      ready(1, { ready: false }),
      ready(2, { killedAt: 9e12 }),
      ready(3),
    ]);
    await clock.advance(1_000);
    expect(told(sockets[0]!)).toEqual(['triage-3:0']);
    sockets[3]!.say(counters({ ...IDLE, accepts: false }));
    await clock.advance(1_000);
    expect(told(sockets[0]!)).toEqual([]);
  });

  it('are withdrawn at once from a pod with room when a sibling disappears, because its address may be reused', async () => {
    const { sockets, links, clock } = await agent([BUSY, IDLE, IDLE]);
    sockets[0]!.say(counters(IDLE));
    await clock.advance(1_000);
    links.setTargets([ready(0), ready(1)]);
    expect(told(sockets[0]!)).toEqual(['triage-1:0']);
  });

  it('are sent at once, and then at most four times a second', async () => {
    const { sockets, clock } = await agent([BUSY, IDLE]);
    const before = tellings(sockets[0]!);
    sockets[1]!.say(counters({ ...IDLE, inFlight: 1 }));
    expect(told(sockets[0]!)).toEqual(['triage-1:1']);
    for (let i = 0; i < 100; i += 1) {
      sockets[1]!.say(counters({ ...IDLE, inFlight: 2 + (i % 8) }));
      await clock.advance(20);
    }
    expect(tellings(sockets[0]!) - before).toBeGreaterThanOrEqual(7);
    expect(tellings(sockets[0]!) - before).toBeLessThanOrEqual(10);
  });

  it('are sent again to a pod with a new link, and never by a standby process', async () => {
    const { sockets, links, clock, connect, lead } = await agent([BUSY, IDLE]);
    sockets[0]!.lose();
    await clock.advance(1_000);
    const again = await connect(ready(0));
    again.say(snapshot(A, { load: BUSY }));
    await clock.advance(1_000);
    expect(told(again)).toEqual(['triage-1:0']);
    const before = tellings(again);
    lead.abort();
    links.setTargets([ready(0)]);
    await clock.advance(1_000);
    expect(tellings(again)).toBe(before);
  });
});
