import { describe, expect, it } from '@jest/globals';
import { settle } from '../testing/fakeClock.ts';
import { connected, type Harness, harness } from '../testing/linksHarness.ts';
import { AGENT, configuration, hashOf, hello, snapshot, target } from '../testing/messages.ts';

const A = hashOf('a');
const B = hashOf('b');

describe('a leader', () => {
  it('closes every link when it loses the Lease, and sends nothing afterwards', async () => {
    const { links, connect, lead, clock, sockets } = harness();
    const pods = [target(1), target(2)];
    links.setTargets([...pods, target(3)]);
    const [first, second] = [await connect(pods[0]!, A), await connect(pods[1]!, A)];
    links.setDesired(AGENT, configuration('b'), 1);
    links.setDesired(AGENT, configuration('c'), 1);
    const before = sockets.map((socket) => socket.sent.length);
    lead.abort();
    expect(sockets.map((socket) => socket.terminated)).toEqual([true, true, true]);
    links.setDesired(AGENT, configuration('d'), 1);
    links.termChanged(AGENT);
    first.say(snapshot(B));
    second.say(snapshot(B));
    await clock.advance(600_000);
    expect(sockets.map((socket) => socket.sent.length)).toEqual(before);
    expect(sockets).toHaveLength(3);
    expect(clock.pending).toBe(0);
    expect(links.podsOf(AGENT).map((pod) => [pod.connected, pod.snapshot])).toEqual([
      [false, undefined],
      [false, undefined],
      [false, undefined],
    ]);
  });

  it('does not push the configuration of an earlier term', async () => {
    const { links, connect, lead } = harness();
    links.setTargets([target(1)]);
    links.setDesired(AGENT, configuration('b'), 1);
    lead.abort();
    links.open(new AbortController().signal, () => 2);
    const socket = await connect(target(1), A);
    expect(socket.announced).toEqual([2]);
    expect(socket.pushed).toEqual([]);
  });

  it('drops a link whose token is still being reviewed', async () => {
    const { links, socketTo, lead } = harness();
    links.setTargets([target(1)]);
    const socket = socketTo(target(1));
    socket.open();
    socket.say(hello(target(1)));
    lead.abort();
    await settle();
    expect(links.podReport('uid-1')?.connected).toBe(false);
  });

  it('has no links before its term begins', () => {
    const { links, lead, sockets } = harness();
    lead.abort();
    links.setTargets([target(1)]);
    expect(sockets).toEqual([]);
  });
});

describe('targets', () => {
  it('are dialled as soon as the pod has an address', () => {
    const { links, sockets } = harness();
    links.setTargets([target(1, { ip: '' })]);
    expect(sockets).toEqual([]);
    links.setTargets([target(1)]);
    expect(sockets.map((socket) => socket.ip)).toEqual([target(1).ip]);
    links.setTargets([target(1)]);
    expect(sockets).toHaveLength(1);
  });

  it('lose their link and their report when they are removed', async () => {
    const { links, pod, socketTo, changes, clock } = await connected(A);
    changes.length = 0;
    links.setTargets([target(2)]);
    expect(socketTo(pod).terminated).toBe(true);
    expect(links.podReport(pod.uid)).toBeUndefined();
    expect(links.podsOf(AGENT).map((report) => report.pod)).toEqual(['triage-2']);
    expect(changes).toContainEqual([AGENT, 'State']);
    links.setTargets([]);
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });

  it('are dialled at their new address', async () => {
    const { links, pod, socketTo, sockets } = await connected(A);
    links.setTargets([{ ...pod, ip: '127.0.9.9' }]);
    expect(socketTo(pod).terminated).toBe(true);
    expect(sockets.at(-1)?.ip).toBe('127.0.9.9');
    expect(links.podReport(pod.uid)?.connected).toBe(false);
  });

  it('are dialled at once, as if they were new, when they start or become ready', async () => {
    const { links, sockets, socketTo, clock } = harness({ connects: { first: 1, repeated: 0 } });
    links.setTargets([target(1)]);
    socketTo(target(1)).lose();
    await clock.advance(60_000);
    expect(sockets).toHaveLength(1);
    links.setTargets([target(1, { running: true })]);
    expect(sockets).toHaveLength(2);
    links.setTargets([target(1, { running: true })]);
    socketTo(target(1)).lose();
    await clock.advance(60_000);
    expect(sockets).toHaveLength(2);
    links.setTargets([target(1, { running: true, ready: true })]);
    expect(sockets).toHaveLength(3);
    links.setTargets([target(1, { running: true, ready: false })]);
    links.setTargets([target(1, { running: true, ready: true })]);
    expect(sockets).toHaveLength(3);
  });

  it('are not dialled when their process must have ended', async () => {
    const { links, sockets, connect, clock, lead } = harness();
    const killedAt = clock.now() + 30_000;
    const [linked, dead] = [target(1, { killedAt }), target(2, { killedAt })];
    links.setTargets([linked, dead]);
    const link = await connect(linked, A);
    await clock.advance(60_000);
    const dialled = sockets.length;
    await clock.advance(3_600_000);
    expect(sockets).toHaveLength(dialled);
    expect(links.podReport(linked.uid)?.connected).toBe(true);
    link.lose();
    await clock.advance(60_000);
    expect(sockets).toHaveLength(dialled);
    lead.abort();
    links.open(new AbortController().signal, () => 2);
    expect(sockets).toHaveLength(dialled);
    expect(clock.pending).toBe(0);
  });
});

describe('dials', () => {
  it('stop when the term ends, and so do dials that wait for a place', () => {
    const { links, sockets, lead, clock } = harness({ connects: { first: 2, repeated: 1 } });
    links.setTargets(Array.from({ length: 10 }, (_, pod) => target(pod)));
    expect(sockets).toHaveLength(2);
    lead.abort();
    expect(sockets).toHaveLength(2);
    expect(clock.pending).toBe(0);
    links.open(new AbortController().signal, () => 2);
    expect(sockets).toHaveLength(4);
  });

  it('connect a bounded number at a time', () => {
    const { links, sockets, socketTo } = harness({ connects: { first: 2, repeated: 1 } });
    links.setTargets([1, 2, 3, 4].map((n) => target(n)));
    expect(sockets).toHaveLength(2);
    socketTo(target(1)).lose();
    expect(sockets).toHaveLength(3);
    socketTo(target(2)).reach();
    expect(sockets).toHaveLength(4);
  });

  it('shake hands a bounded number at a time, and wait for it with their connection open', async () => {
    const { links, sockets, connect, socketTo } = harness({
      handshakes: { first: 2, repeated: 1 },
    });
    links.setTargets([1, 2, 3, 4].map((n) => target(n)));
    for (const socket of sockets) socket.reach();
    const handshaking = (): boolean[] => sockets.map((socket) => socket.handshaking);
    expect(handshaking()).toEqual([true, true, false, false]);
    await connect(target(1));
    expect(handshaking()).toEqual([true, true, true, false]);
    socketTo(target(2)).lose();
    expect(handshaking()).toEqual([true, true, true, true]);
  });

  it('of dead pods hold up neither live ones nor new ones', async () => {
    const { links, sockets, connect, clock } = harness({
      connects: { first: 4, repeated: 1 },
      handshakes: { first: 1, repeated: 1 },
    });
    const dead = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => target(n));
    const live = target(9);
    links.setTargets([...dead, live]);
    await clock.advance(2 * 1_500);
    await connect(live, A);
    expect(links.podReport(live.uid)?.connected).toBe(true);
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(60_000);
      const late = target(100 + minute);
      const before = sockets.length;
      links.setTargets([...dead, live, late]);
      expect(sockets).toHaveLength(before + 1);
      await connect(late, A);
      expect(links.podReport(late.uid)?.connected).toBe(true);
    }
  });

  it('that were refused do not wait for retries at all dead pods', async () => {
    const { links, sockets, connect, socketTo, clock } = harness({
      connects: { first: 512, repeated: 1 },
    });
    const dead = Array.from({ length: 100 }, (_, pod) => target(pod));
    links.setTargets(dead);
    await clock.advance(2_000);
    const starting = target(100);
    links.setTargets([...dead, starting]);
    socketTo(starting).lose();
    const before = sockets.length;
    await clock.advance(2_000);
    expect(sockets.slice(before).filter(({ ip }) => ip === starting.ip)).toHaveLength(1);
    await connect(starting, A);
    expect(links.podReport(starting.uid)?.connected).toBe(true);
  });

  it('with a slow handshake make room for as many others, and continue', async () => {
    const { links, sockets, connect, socketTo, clock } = harness({
      handshakes: { first: 1, repeated: 1 },
    });
    const [slow, slower, quick] = [target(1), target(2), target(3)];
    links.setTargets([slow, slower, quick]);
    for (const socket of sockets) socket.reach();
    const handshaking = (): boolean[] => sockets.map((socket) => socket.handshaking);
    await clock.advance(499);
    expect(handshaking()).toEqual([true, false, false]);
    await clock.advance(1);
    expect(handshaking()).toEqual([true, true, false]);
    await clock.advance(3_000);
    expect(handshaking()).toEqual([true, true, false]);
    await connect(slow, A);
    expect(handshaking()).toEqual([true, true, true]);
    socketTo(slower).lose();
    await connect(quick, A);
    expect(links.podReport(slow.uid)?.connected).toBe(true);
    expect(links.podReport(quick.uid)?.connected).toBe(true);
  });

  it('do not fail because this process stalls', async () => {
    const { links, connect, clock } = harness();
    links.setTargets([target(1)]);
    clock.stall(10_000);
    await clock.advance(700);
    await connect(target(1), A);
    expect(links.podReport('uid-1')?.connected).toBe(true);
  });
});

describe('a pod is pending under a new leader', () => {
  it.each<[string, (links: Harness) => Promise<unknown> | void]>([
    ['its link has opened', ({ connect }) => connect(target(1), A)],
    ['it refused the connection', ({ socketTo }) => socketTo(target(1)).lose()],
    ['it did not answer', ({ clock }) => clock.advance(1_500)],
  ])('until %s', async (_name, end) => {
    const fixture = harness();
    const { links, lead, changes } = fixture;
    lead.abort();
    links.setTargets([target(1)]);
    expect(links.podReport('uid-1')?.pending).toBeUndefined();
    links.open(new AbortController().signal, () => 2);
    expect(links.podReport('uid-1')?.pending).toBe(true);
    changes.length = 0;
    await end(fixture);
    expect(links.podReport('uid-1')?.pending).toBeUndefined();
    expect(changes).toContainEqual([AGENT, 'State']);
  });

  it('also when its token could not be reviewed, for three attempts', async () => {
    const { links, lead, socketTo, clock } = harness({
      reviewToken: () => Promise.reject(new Error('429')),
    });
    lead.abort();
    links.setTargets([target(1)]);
    links.open(new AbortController().signal, () => 2);
    for (const pending of [true, true, undefined]) {
      const socket = socketTo(target(1));
      socket.open();
      socket.say(hello(target(1)));
      await settle();
      expect(links.podReport('uid-1')?.pending).toBe(pending);
      await clock.advance(1_000);
    }
  });

  it('but not when the pod is new itself', () => {
    const { links } = harness();
    links.setTargets([target(1)]);
    expect(links.podReport('uid-1')?.pending).toBeUndefined();
  });
});

describe('connections that fail', () => {
  it('back off from 250 ms to 30 s with full jitter, and start again after a success', async () => {
    const { links, socketTo, clock, sockets, connect } = harness();
    const pod = target(1);
    links.setTargets([pod]);
    for (const bound of [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const before = sockets.length;
      socketTo(pod).lose();
      await clock.advance(bound / 2 - 1);
      expect(sockets).toHaveLength(before);
      await clock.advance(1);
      expect(sockets).toHaveLength(before + 1);
    }
    await connect(pod, A);
    await clock.advance(10_000);
    const before = sockets.length;
    socketTo(pod).lose();
    await clock.advance(125);
    expect(sockets).toHaveLength(before + 1);
  });

  it('are noticed 15 s after a pod has stopped answering', async () => {
    const { links, pod, socketTo, clock } = await connected(A);
    await clock.advance(60_000);
    expect(links.podReport(pod.uid)?.connected).toBe(true);
    const socket = socketTo(pod);
    expect(socket.pings).toBe(12);
    socket.answersPings = false;
    await clock.advance(12_499);
    expect(socket.terminated).toBe(false);
    await clock.advance(5_001);
    expect(socket.terminated).toBe(true);
    expect(links.podReport(pod.uid)?.connected).toBe(false);
  });

  it('are not assumed after a stall of this process', async () => {
    const { links, pod, clock } = await connected(A);
    await clock.advance(7_000);
    clock.stall(40_000);
    await clock.advance(20_000);
    expect(links.podReport(pod.uid)?.connected).toBe(true);
  });
});
