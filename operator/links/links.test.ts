import { describe, expect, it } from '@jest/globals';
import { settle } from '../testing/fakeClock.ts';
import { connected, harness } from '../testing/linksHarness.ts';
import { AGENT, configuration, hashOf, hello, snapshot, target } from '../testing/messages.ts';

const A = hashOf('a');
const B = hashOf('b');

describe('leadership', () => {
  it('closes every link when it is lost, and sends nothing after', async () => {
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

  it('does not push what an earlier term of office wanted', async () => {
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

  it('has no links before it is gained', () => {
    const { links, lead, sockets } = harness();
    lead.abort();
    links.setTargets([target(1)]);
    expect(sockets).toEqual([]);
  });
});

describe('targets', () => {
  it('dials as soon as a pod has an address', () => {
    const { links, sockets } = harness();
    links.setTargets([target(1, { ip: '' })]);
    expect(sockets).toEqual([]);
    links.setTargets([target(1)]);
    expect(sockets.map((socket) => socket.ip)).toEqual([target(1).ip]);
    links.setTargets([target(1)]);
    expect(sockets).toHaveLength(1);
  });

  it('drops link and report of a pod that is no target any more', async () => {
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

  it('dials the new address of a pod that moved', async () => {
    const { links, pod, socketTo, sockets } = await connected(A);
    links.setTargets([{ ...pod, ip: '127.0.9.9' }]);
    expect(socketTo(pod).terminated).toBe(true);
    expect(sockets.at(-1)?.ip).toBe('127.0.9.9');
    expect(links.podReport(pod.uid)?.connected).toBe(false);
  });

  it('dials a bounded number at a time', async () => {
    const { links, sockets, connect } = harness({ concurrency: 2 });
    links.setTargets([1, 2, 3, 4].map((n) => target(n)));
    expect(sockets).toHaveLength(2);
    await connect(target(1));
    expect(sockets).toHaveLength(3);
    sockets[1]!.lose();
    expect(sockets).toHaveLength(4);
  });
});

describe('connections that fail', () => {
  it('backs off from 250 ms to 30 s with full jitter, and starts anew after a success', async () => {
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

  it('notices after 15 s that a pod no longer answers', async () => {
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

  it('does not take a stall of its own for silence of the pods', async () => {
    const { links, pod, clock } = await connected(A);
    await clock.advance(7_000);
    clock.stall(40_000);
    await clock.advance(20_000);
    expect(links.podReport(pod.uid)?.connected).toBe(true);
  });
});
