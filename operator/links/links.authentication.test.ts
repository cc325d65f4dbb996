import { describe, expect, it } from '@jest/globals';
import type { Hello } from '../../contract/generated/types.ts';
import { settle } from '../testing/fakeClock.ts';
import { connected, harness } from '../testing/linksHarness.ts';
import {
  AGENT,
  configuration,
  hashOf,
  hello,
  snapshot,
  target,
  tokenOf,
} from '../testing/messages.ts';

const A = hashOf('a');

describe('authentication', () => {
  it('announces its term, accepts the Hello and shows the pod as connected', async () => {
    const { links, pod, socketTo, logger } = await connected(A);
    expect(socketTo(pod).sent).toEqual([{ type: 'Announce', term: 1 }]);
    expect(links.podReport(pod.uid)).toEqual({
      namespace: 'support',
      agent: 'triage',
      pod: 'triage-1',
      uid: 'uid-1',
      connected: true,
      incompatible: false,
      since: '2026-01-01T00:00:00.000Z',
      hash: A,
      revision: { term: 1, counter: 1 },
      highestTerm: 1,
      features: ['Limit.Requests'],
      boot: 'boot-1',
      runtimeVersion: '0.1.0',
      snapshot: snapshot(A),
      fresh: true,
    });
    expect(logger.lines.join()).not.toContain(tokenOf(pod));
  });

  it.each<[string, Partial<Hello>]>([
    ['a token that is not valid', { token: 'nonsense' }],
    ['the token of a pod of another name', { token: tokenOf(target(1, { name: 'other' })) }],
    ['the token of a pod of another UID', { token: tokenOf(target(1, { uid: 'other' })) }],
    ['the token of another account', { token: `${tokenOf(target(1))}/other` }],
    ['a token of another namespace', { token: tokenOf(target(1, { namespace: 'other' })) }],
    ['a name that its token does not have', { pod: { ...hello(target(2)).pod } }],
  ])('refuses %s', async (_name, change) => {
    const { links, socketTo, logger } = harness();
    const pod = target(1);
    links.setTargets([pod]);
    const socket = socketTo(pod);
    links.setDesired(AGENT, configuration('b'), 1);
    socket.open();
    socket.say(hello(pod, change));
    await settle();
    socket.say(snapshot(A));
    expect(links.podReport(pod.uid)).toMatchObject({ connected: false });
    expect(links.podReport(pod.uid)?.snapshot).toBeUndefined();
    expect(socket.closedWith).toBe(1008);
    expect(socket.pushed).toEqual([]);
    expect(logger.lines.join()).toContain('Link refused');
    expect(logger.lines.join()).not.toContain(change.token ?? tokenOf(pod));
  });

  it('dials again when the API server cannot review the token', async () => {
    let healthy = false;
    const { links, sockets, socketTo, clock } = harness({
      reviewToken: () =>
        healthy
          ? Promise.resolve({
              namespace: 'support',
              serviceAccount: 'triage',
              podName: 'triage-1',
              podUid: 'uid-1',
            })
          : Promise.reject(new Error('503')),
    });
    const pod = target(1);
    links.setTargets([pod]);
    for (const expected of [false, true]) {
      socketTo(pod).open();
      socketTo(pod).say(hello(pod));
      await settle();
      expect(links.podReport(pod.uid)?.connected).toBe(expected);
      healthy = true;
      await clock.advance(1_000);
    }
    expect(sockets).toHaveLength(2);
  });

  it('holds what a pod sends while its token is reviewed, and reads no more', async () => {
    let answer: () => void = () => undefined;
    const { links, socketTo } = harness({
      reviewToken: () =>
        new Promise((resolve) => {
          const identity = { namespace: 'support', podName: 'triage-1', podUid: 'uid-1' };
          answer = () => resolve({ ...identity, serviceAccount: 'triage' });
        }),
    });
    const pod = target(1);
    links.setTargets([pod]);
    const socket = socketTo(pod);
    socket.open();
    socket.say(hello(pod));
    socket.say(snapshot(A));
    expect(socket.paused).toBe(true);
    expect(links.podReport(pod.uid)?.snapshot).toBeUndefined();
    answer();
    await settle();
    expect(socket.paused).toBe(false);
    expect(links.podReport(pod.uid)).toMatchObject({ connected: true, hash: A });
  });

  it.each([
    ['the connection does not open', 1_500, false],
    ['no hello comes', 5_000, true],
  ])('gives up when %s in time, after %d ms', async (_name, ms, opens) => {
    const { links, socketTo, clock, sockets } = harness();
    const pod = target(1);
    links.setTargets([pod]);
    const socket = socketTo(pod);
    if (opens) socket.open();
    await clock.advance(ms - 1);
    expect(socket.terminated).toBe(false);
    expect(socket.closedWith).toBeUndefined();
    await clock.advance(1_001);
    expect(socket.terminated).toBe(true);
    await clock.advance(1_000);
    expect(sockets.length).toBeGreaterThan(1);
  });

  it('shows a pod of another contract version as incompatible, and sends it nothing', async () => {
    const { links, socketTo, connect, clock, sockets } = harness();
    const pod = target(1);
    links.setTargets([pod]);
    links.setDesired(AGENT, configuration('b'), 1);
    const socket = socketTo(pod);
    socket.open();
    socket.say({ type: 'Hello', contract: 2, shape: 'unknown' });
    await settle();
    expect(links.podReport(pod.uid)).toMatchObject({ connected: false, incompatible: true });
    expect(socket.pushed).toEqual([]);
    await clock.advance(14_000);
    expect(sockets).toHaveLength(1);
    await clock.advance(8_500);
    expect(sockets).toHaveLength(2);
    await connect(pod);
    expect(links.podReport(pod.uid)).toMatchObject({ connected: true, incompatible: false });
  });
});
