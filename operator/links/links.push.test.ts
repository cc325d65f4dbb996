import { describe, expect, it } from '@jest/globals';
import { memoryTraces } from '../testing/memoryTraces.ts';
import { connected, harness } from '../testing/linksHarness.ts';
import { AGENT, configuration, hashOf, snapshot, target } from '../testing/messages.ts';

const A = hashOf('a');
const B = hashOf('b');
const C = hashOf('c');

describe('pushes', () => {
  it('go only to pods whose hash differs', async () => {
    const { links, connect, registry, clock } = harness();
    const pods = [target(1), target(2), target(3, { agent: 'other' })];
    links.setTargets(pods);
    const sockets = [
      await connect(pods[0]!, A),
      await connect(pods[1]!, B),
      await connect(pods[2]!, A),
    ];
    links.setDesired(AGENT, configuration('b'), 1);
    expect(sockets.map((socket) => socket.pushed)).toEqual([[B], [], []]);
    expect(sockets[0]!.sent.at(-1)).toEqual({
      type: 'Configure',
      term: 1,
      configuration: configuration('b'),
    });
    await clock.advance(20);
    sockets[0]!.say(snapshot(B));
    links.setDesired(AGENT, configuration('b'), 1);
    expect(sockets.map((socket) => socket.pushed)).toEqual([[B], [], []]);
    const text = await registry.metrics();
    expect(text).toContain('breakwater_policy_propagation_seconds_count 1');
    expect(text).toContain('breakwater_policy_propagation_seconds_sum 0.02');
    expect(text).toContain('breakwater_links{state="connected"} 3');
  });

  it('go at once to a pod that connects later', async () => {
    const { links, connect } = harness();
    links.setTargets([target(1)]);
    links.setDesired(AGENT, configuration('b'), 1);
    expect((await connect(target(1))).pushed).toEqual([B]);
  });

  it('send the latest of several configurations, not each', async () => {
    const { links, pod, socketTo } = await connected(A);
    for (const letter of ['b', 'c', 'd', 'e']) links.setDesired(AGENT, configuration(letter), 1);
    expect(socketTo(pod).pushed).toEqual([B]);
    socketTo(pod).say(snapshot(B));
    expect(socketTo(pod).pushed).toEqual([B, hashOf('e')]);
    socketTo(pod).say(snapshot(hashOf('e')));
    expect(socketTo(pod).pushed).toHaveLength(2);
  });

  it('do not wait for an answer for ever', async () => {
    const { links, pod, socketTo, clock } = await connected(A);
    links.setDesired(AGENT, configuration('b'), 1);
    links.setDesired(AGENT, configuration('c'), 1);
    await clock.advance(4_999);
    expect(socketTo(pod).pushed).toEqual([B]);
    await clock.advance(1);
    expect(socketTo(pod).pushed).toEqual([B, C]);
  });

  it('do not repeat in a loop a configuration that a pod refuses', async () => {
    const { links, pod, socketTo, clock, connect } = await connected(A);
    const refused = { source: 'Link', hash: B, message: 'no', time: 't' };
    const answer = snapshot(A, { refused });
    const socket = socketTo(pod);
    links.setDesired(AGENT, configuration('b'), 1);
    socket.say(answer);
    socket.say(answer);
    await clock.advance(29_000);
    links.setDesired(AGENT, configuration('b'), 1);
    expect(socket.pushed).toEqual([B]);
    await clock.advance(8_000);
    expect(socket.pushed).toEqual([B, B]);
    socket.say(answer);
    await clock.advance(50_000);
    expect(socket.pushed).toHaveLength(2);

    socket.lose();
    await clock.advance(250);
    const again = await connect(pod, A);
    expect(again.pushed).toEqual([]);
    links.setDesired(AGENT, configuration('c'), 1);
    expect(again.pushed).toEqual([C]);
  });

  it('restore a configuration that a pod has replaced by itself', async () => {
    const { links, pod, socketTo } = await connected(A);
    links.setDesired(AGENT, configuration('a'), 1);
    expect(socketTo(pod).pushed).toEqual([]);
    socketTo(pod).say(snapshot(B));
    expect(socketTo(pod).pushed).toEqual([A]);
  });

  it('stop for an agent that is forgotten', async () => {
    const { links, pod, socketTo } = await connected(A);
    links.setDesired(AGENT, configuration('a'), 1);
    links.forget(AGENT);
    socketTo(pod).say(snapshot(B));
    expect(socketTo(pod).pushed).toEqual([]);
  });
});

describe('a link', () => {
  it('reports a higher term to its owner, announces the raised one, and only then pushes', async () => {
    const { links, connect, term } = harness();
    const pod = target(1);
    links.setTargets([pod, target(2)]);
    const other = await connect(target(2), B);
    links.setDesired(AGENT, configuration('b'), 1);
    const seen: [string, number][] = [];
    links.onHigherTerm((key, shown) => {
      seen.push([key, shown]);
      term.value = shown + 1;
    });
    const socket = await connect(pod, A, 8);
    expect(seen).toEqual([[AGENT, 8]]);
    expect(socket.announced).toEqual([1, 9]);
    expect(other.announced).toEqual([1, 9]);
    expect(socket.sent.at(-1)).toMatchObject({ type: 'Configure', term: 9 });
  });

  it('does not push before the owner has raised the term', async () => {
    const { links, connect, term } = harness();
    links.setTargets([target(1)]);
    links.setDesired(AGENT, configuration('b'), 1);
    const socket = await connect(target(1), A, 5);
    expect(socket.pushed).toEqual([]);
    term.value = 6;
    links.termChanged(AGENT);
    expect(socket.announced).toEqual([1, 6]);
    expect(socket.pushed).toEqual([B]);
  });

  it('notices a higher term in a configuration that the pod took from its file', async () => {
    const { links, pod, socketTo } = await connected(A);
    const seen: number[] = [];
    links.onHigherTerm((_key, shown) => seen.push(shown));
    const newer = snapshot(B);
    newer.configuration.revision = { term: 4, counter: 1 };
    socketTo(pod).say(newer);
    expect(seen).toEqual([4]);
  });

  it('pushes under the term of the configuration when that is higher', async () => {
    const { links, pod, socketTo } = await connected(A);
    links.setDesired(AGENT, configuration('b'), 3);
    expect(socketTo(pod).announced).toEqual([1, 3]);
    expect(socketTo(pod).sent.at(-1)).toMatchObject({ type: 'Configure', term: 3 });
  });

  it('traces pushes, within the reconcile that asks for them, until the pod answers', async () => {
    const { traces, kept } = memoryTraces();
    const { links, connect, lead } = harness({ traces });
    const pods = [target(1), target(2)];
    links.setTargets(pods);
    const [first, second] = [await connect(pods[0]!, A), await connect(pods[1]!, A)];
    const reconcile = (): Promise<void> =>
      Promise.resolve(links.setDesired(AGENT, configuration('b'), 1));
    await traces.run('reconcile agent', {}, reconcile, (span) => span.end());
    expect(kept[0]!.parts.map(({ name, end }) => [name, end])).toEqual([
      ['push configuration', 'open'],
      ['push configuration', 'open'],
    ]);
    expect(kept[0]!.parts[0]!.attributes).toMatchObject({
      'k8s.pod.name': pods[0]!.name,
      'breakwater.configuration.revision': '1-1',
    });
    first.say(snapshot(B));
    // Outside a reconcile it is a trace of its own; here the pod whose link ended gets it when it is back.
    second.lose();
    expect(kept[0]!.parts.map(({ end }) => end)).toEqual(['ok', 'LinkClosed']);
    links.setDesired(AGENT, configuration('c'), 1);
    expect(kept.slice(1).map(({ name, end }) => [name, end])).toEqual([
      ['push configuration', 'open'],
    ]);
    lead.abort();
    expect(kept[1]!.end).toBe('LinkClosed');
  });
});
