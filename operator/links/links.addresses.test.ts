import { expect, it } from '@jest/globals';
import { harness } from '../testing/linksHarness.ts';
import { target } from '../testing/messages.ts';

it('a pod with several addresses is dialled at each in turn, and again at the last that answered', async () => {
  const { links, clock, sockets, connect } = harness();
  const [first, second] = ['10.0.0.1', 'fd00::1'];
  const pod = { ...target(1), ip: first, ips: [first, 'no address', second] };
  links.setTargets([pod]);
  const dialled = (): string[] => sockets.map(({ ip }) => ip);
  expect(dialled()).toEqual([first]);
  for (const ips of [
    [first, second],
    [first, second, first],
    [first, second, first, second],
  ]) {
    sockets.at(-1)!.lose();
    while (sockets.length < ips.length) await clock.advance(100);
    expect(dialled()).toEqual(ips);
  }
  const socket = await connect({ ...pod, ip: second }, 'a');
  await clock.advance(60_000);
  socket.lose();
  while (sockets.length < 5) await clock.advance(100);
  expect(dialled().at(-1)).toBe(second);
});

it('a pod is dialled again when one of its addresses comes or goes, but not when they stay', () => {
  const { links, sockets } = harness();
  const pod = target(1);
  links.setTargets([pod]);
  links.setTargets([{ ...pod, ips: [pod.ip!] }]);
  expect(sockets).toHaveLength(1);
  links.setTargets([{ ...pod, ips: [pod.ip!, 'fd00::1'] }]);
  expect(sockets).toHaveLength(2);
});
