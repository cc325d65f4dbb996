import { describe, expect, it } from '@jest/globals';
import type { Counters, GateStatus } from '../../contract/generated/types.ts';
import { REPORT_INTERVAL } from '../../contract/link.ts';
import { settle } from '../testing/fakeClock.ts';
import { connected, harness } from '../testing/linksHarness.ts';
import {
  AGENT,
  circuit,
  counters,
  hashOf,
  hello,
  snapshot,
  target,
  transition,
} from '../testing/messages.ts';

const A = hashOf('a');

it('each pod reports figures less often if there are many pods', async () => {
  const { links, connect } = harness();
  const many = Array.from({ length: REPORT_INTERVAL.perSecond + 1 }, (_, pod) => target(pod));
  const before = many.slice(0, 1);
  links.setTargets(before);
  const socket = await connect(many[0]!, A);
  links.setTargets(many);
  const late = await connect(many[1]!, A);
  links.setTargets(before);
  const slow = { type: 'Announce', term: 1, reportEveryMs: 2_000 };
  expect(late.sent).toEqual([slow]);
  expect(socket.sent).toEqual([{ type: 'Announce', term: 1 }, slow, { type: 'Announce', term: 1 }]);
});

it('the features of all pods of one version are in memory once', async () => {
  const { links, connect } = harness();
  const pods = [target(1), target(2)];
  links.setTargets(pods);
  for (const pod of pods) await connect(pod, A);
  const [first, second] = pods.map(({ uid }) => links.podReport(uid)!.features);
  expect(second).toEqual(['Limit.Requests']);
  expect(second).toBe(first);
});

describe('reports', () => {
  it('merge transitions and counters into the snapshot', async () => {
    const { links, pod, socketTo, changes } = await connected(A);
    const socket = socketTo(pod);
    changes.length = 0;
    socket.say(counters('calm', 1));
    socket.say(counters('other', 1));
    socket.say(counters('calm', 7));
    for (let sequence = 1; sequence <= 70; sequence += 1) socket.say(transition(sequence));
    socket.say(transition(70));
    const { snapshot: merged } = links.podReport(pod.uid)!;
    expect(merged?.circuits).toEqual([circuit('Open')]);
    expect(merged?.limits.map((limit) => [limit.policy, limit.rejected])).toEqual([
      ['calm', 7],
      ['other', 1],
    ]);
    expect(merged?.transitions.map((each) => each.sequence)).toEqual(
      Array.from({ length: 64 }, (_, index) => index + 7),
    );
    expect(changes.slice(0, 4)).toEqual([
      [AGENT, 'State'],
      [AGENT, 'State'],
      [AGENT, 'Counters'],
      [AGENT, 'State'],
    ]);
  });

  it('distinguish figures from urgent changes', async () => {
    const { pod, socketTo, changes } = await connected(A);
    const socket = socketTo(pod);
    const told = (message: Partial<Counters>): unknown => {
      changes.length = 0;
      socket.say({ type: 'Counters', limits: [], circuits: [], ...message });
      return changes[0]?.[1];
    };
    const { limits } = counters('calm', 1);
    const failure = { class: 'Overloaded', message: 'Overloaded', time: '2026-01-01T00:00:01Z' };
    expect(told({ limits })).toBe('State');
    expect(told({ limits: limits.map((limit) => ({ ...limit, usedPercent: 99 })) })).toBe(
      'Counters',
    );
    expect(told({ limits: limits.map((limit) => ({ ...limit, limiting: !limit.limiting })) })).toBe(
      'State',
    );
    expect(told({ circuits: [circuit('Open')] })).toBe('State');
    expect(told({ circuits: [{ ...circuit('Open'), lastFailure: failure }] })).toBe('Counters');
    expect(told({ circuits: [{ ...circuit('Open'), overridden: 'Closed' }] })).toBe('State');
    expect(told({ circuits: [{ ...circuit('Closed'), servedPercent: 62 }] })).toBe('State');
    expect(told({ gates: [{ dependency: 'model/primary', gate: 'None' }] })).toBe('State');
  });

  it('merge gates; those of a pod that reports none are unknown', async () => {
    const { links, pod, socketTo } = await connected(A);
    const gates = (): unknown => links.podReport(pod.uid)?.snapshot?.gates;
    const shut = { dependency: 'model/primary', gate: 'RateLimited', until: 'later' } as const;
    const free = { dependency: 'model/other', gate: 'None' } as const;
    const say = (some: GateStatus[]): void =>
      socketTo(pod).say({ type: 'Counters', limits: [], circuits: [], gates: some });
    expect(gates()).toBeUndefined();
    socketTo(pod).say(counters('calm', 1));
    expect(gates()).toBeUndefined();
    say([shut, free]);
    say([{ dependency: 'model/primary', gate: 'None' }]);
    expect(gates()).toEqual([{ dependency: 'model/primary', gate: 'None' }, free]);
  });

  it('are bounded in what they make the operator keep', async () => {
    const { links, pod, socketTo } = await connected(A);
    const circuits = Array.from({ length: 400 }, (_, n) => circuit('Open', `model/${n}`));
    for (const some of [circuits.slice(0, 200), circuits.slice(200)]) {
      socketTo(pod).say({ type: 'Counters', limits: [], circuits: some });
    }
    expect(links.podReport(pod.uid)?.snapshot?.circuits).toHaveLength(256);
  });

  it('include the last snapshot of a disconnected pod until it restarts', async () => {
    const { links, pod, socketTo, clock } = await connected(A);
    await clock.advance(3_000);
    socketTo(pod).lose();
    expect(links.podReport(pod.uid)).toMatchObject({
      connected: false,
      since: '2026-01-01T00:00:03.000Z',
      snapshot: snapshot(A),
    });
    await clock.advance(250);
    const socket = socketTo(pod);
    socket.open();
    socket.say(hello(pod, { boot: 'boot-2' }));
    await settle();
    expect(links.podReport(pod.uid)?.connected).toBe(true);
    expect(links.podReport(pod.uid)?.snapshot).toBeUndefined();
    expect(links.podReport(pod.uid)?.hash).toBeUndefined();
  });

  it.each([
    ['that is not JSON', '{'],
    ['that is binary', undefined],
    ['without a type', '{}'],
    ['that does not fit the schema', '{"type":"Counters","limits":[{"target":"secret"}]}'],
  ])('end the link on a message %s, which backs off', async (_name, text) => {
    const { pod, socketTo, connect, logger, clock, sockets, links } = await connected(A);
    const socket = socketTo(pod);
    socket.sayText(text);
    expect(socket.closedWith).toBe(1002);
    expect(links.podReport(pod.uid)?.connected).toBe(false);
    expect(logger.lines.join()).toContain('Malformed');
    expect(logger.lines.join()).not.toContain('secret');
    await clock.advance(124);
    expect(sockets).toHaveLength(1);
    await clock.advance(1);
    expect(sockets).toHaveLength(2);
    await connect(pod);
    socketTo(pod).sayText(text);
    await clock.advance(249);
    expect(sockets).toHaveLength(2);
    await clock.advance(1);
    expect(sockets).toHaveLength(3);
  });

  it('ignore a message of an unknown type', async () => {
    const { links, pod, socketTo } = await connected(A);
    socketTo(pod).say({ type: 'Later', anything: true });
    socketTo(pod).say({ ...transition(1), later: true });
    expect(links.podReport(pod.uid)?.snapshot?.transitions).toHaveLength(1);
  });

  it('continue when a listener throws', async () => {
    const { links, pod, socketTo, logger } = await connected(A);
    links.onChange(() => {
      throw new Error('listener');
    });
    socketTo(pod).say(transition(1));
    expect(links.podReport(pod.uid)?.connected).toBe(true);
    expect(logger.lines.join()).toContain('Listener of the links failed');
  });
});
