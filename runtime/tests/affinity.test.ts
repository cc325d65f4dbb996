import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { startModel } from '../../cli/simulator/model.ts';
import { METRICS } from '../observe/trace/names.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { PATIENT, fine, startPool, status } from '../testing/pool.ts';
import type { Part, Pool } from '../testing/pool.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const AUTOMATIC = { mode: 'Automatic' };
const OPEN = { ...PATIENT, override: { state: 'Open' as const } };
/** Without probes, which go elsewhere than the rest of their session. */
const CLOSED = { ...PATIENT, override: { state: 'Closed' as const } };

/** A turn of a session that Claude Code names. */
const turn = ({ agent }: { agent: StartedRuntime }, id: string): Promise<Answer> =>
  send(agent.url, { headers: { 'x-claude-code-session-id': id } });

/** Where so many sessions were served, each by so many turns: the endpoints of each. */
async function served(of: Pool, ids: readonly string[], turns = 1): Promise<string[]> {
  const found: string[] = [];
  for (const id of ids) {
    const before = of.seen();
    for (let i = 0; i < turns; i += 1) expect((await turn(of, id)).status).toBe(200);
    const after = Object.entries(of.seen());
    found.push(
      after
        .filter(([name, count]) => count > before[name]!)
        .map(([name]) => name)
        .join(),
    );
  }
  return found;
}

async function metric({ agent }: { agent: StartedRuntime }, name: string): Promise<number> {
  const text = await agent.runtime.metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

let revision = 1;
/** Puts a change of the configuration in force. */
function change({ agent }: Pool, changes: (content: Content) => Partial<Content>): void {
  const { content } = agent.runtime.configuration.configuration!;
  const next = configuration(
    '',
    { ...content, ...changes(content) },
    {
      term: 2,
      counter: (revision += 1),
    },
  );
  agent.runtime.configuration.offerPush(2, next);
}

/** The circuits with another one for model/NAME. */
const withCircuit =
  (name: string, circuit: Part['circuit'] = CLOSED) =>
  ({ circuits }: Content): Partial<Content> => ({
    circuits: circuits.map((each) =>
      each.dependency === `model/${name}` ? { ...circuit, dependency: each.dependency } : each,
    ),
  });

const IDS = Array.from({ length: 12 }, (_, i) => `session ${i}`);
const equals = (...names: string[]): Part[] => names.map((name) => ({ name, does: fine }));

describe('sessions', () => {
  it('stay at one endpoint under any balancing, and count as hits', async () => {
    const of = await startPool(cleanups, equals('a', 'b'), {
      affinity: AUTOMATIC,
      loadBalancing: 'RoundRobin',
    });
    const places = await served(of, IDS, 3);
    expect(new Set(places)).toEqual(new Set(['a', 'b']));
    expect(await metric(of, 'affinity_requests_total{result="hit"}')).toBe(36);
    for (let i = 0; i < 4; i += 1) await send(of.agent.url);
    expect(await metric(of, 'affinity_requests_total')).toBe(36);
  });

  it('are not counted if all endpoints differ in priority', async () => {
    const parts: Part[] = [...equals('a'), { name: 'spare', priority: 1, does: fine }];
    const of = await startPool(cleanups, parts, { affinity: AUTOMATIC });
    expect(await served(of, IDS.slice(0, 2))).toEqual(['a', 'a']);
    expect(await metric(of, 'affinity_requests_total')).toBe(0);
  });

  it('move when their endpoint takes no calls, no others do, and they stay while their cache lasts', async () => {
    const of = await startPool(cleanups, equals('a', 'b', 'c'), { affinity: AUTOMATIC });
    const before = await served(of, IDS);
    expect(new Set(before)).toEqual(new Set(['a', 'b', 'c']));
    change(of, withCircuit('a', OPEN));
    const moved = before.filter((name) => name === 'a').length;
    const during = await served(of, IDS, 2);
    during.forEach((name, i) => {
      if (before[i] === 'a') expect(['b', 'c']).toContain(name);
      else expect(name).toBe(before[i]);
    });
    // The second turn finds the cache that the first one made.
    expect(await metric(of, 'affinity_requests_total{result="moved"}')).toBe(moved);
    change(of, withCircuit('a'));
    expect(await served(of, IDS)).toEqual(during);
    expect(await metric(of, 'affinity_requests_total{result="moved"}')).toBe(moved);
    expect(
      await served(
        of,
        IDS.map((id) => `new ${id}`),
      ),
    ).toContain('a');
  });

  it('return from a fallback at once', async () => {
    const parts: Part[] = [...equals('a', 'b'), { name: 'spare', priority: 1, does: fine }];
    const of = await startPool(cleanups, parts, { affinity: AUTOMATIC });
    const before = await served(of, IDS);
    for (const name of ['a', 'b']) change(of, withCircuit(name, OPEN));
    expect(new Set(await served(of, IDS))).toEqual(new Set(['spare']));
    for (const name of ['a', 'b']) change(of, withCircuit(name));
    expect(await served(of, IDS)).toEqual(before);
  });

  it('move as one when their endpoint fails, to the same one by any pod', async () => {
    const parts = equals('a', 'b', 'c');
    const pods = [
      await startPool(cleanups, parts, { affinity: AUTOMATIC }),
      await startPool(cleanups, parts, { affinity: AUTOMATIC }),
    ] as const;
    parts[0]!.does = status(529);
    const [one, two] = [await served(pods[0], IDS), await served(pods[1], IDS)];
    expect(one).toEqual(two);
    expect(new Set(one.map((names) => names.replace('a,', '')))).toEqual(new Set(['b', 'c']));
  });

  it('leave a half-open endpoint its probe, and go on where their cache is', async () => {
    const parts = equals('a', 'b');
    parts[0]!.circuit = { ...TOUCHY, openDurationMs: 300, maxOpenDurationMs: 300 };
    const of = await startPool(cleanups, parts, { affinity: AUTOMATIC });
    const before = await served(of, IDS);
    const [mine, other] = ['a', 'b'].map((name) => IDS[before.indexOf(name)]!);
    parts[0]!.does = status(503);
    await turn(of, mine!);
    expect(of.circuits()['model/a']).toBe('Open');
    parts[0]!.does = fine;
    await until(() => of.circuits()['model/a'] === 'HalfOpen');
    expect(await served(of, [other!])).toEqual(['a']);
    expect(of.circuits()['model/a']).toBe('Closed');
    expect(await served(of, [other!, mine!])).toEqual(['b', 'b']);
  });

  it('follow changed fields at once, and moved ones stay where they are', async () => {
    const of = await startPool(cleanups, equals('a', 'b'), {
      loadBalancing: 'RoundRobin',
      affinity: { mode: 'Disabled' },
    });
    expect(await served(of, IDS.slice(0, 2), 2)).toEqual(['a,b', 'a,b']);
    change(of, () => ({ affinity: AUTOMATIC }));
    const before = await served(of, IDS, 2);
    change(of, withCircuit('a', OPEN));
    await served(of, IDS);
    change(of, withCircuit('a'));
    change(of, () => ({ affinity: { ...AUTOMATIC, header: 'x-session-id' } }));
    expect(before).toContain('a');
    expect(new Set(await served(of, IDS, 2))).toEqual(new Set(['b']));
    const named = Array.from({ length: 6 }, (_, i) => i % 2);
    for (const id of named) await send(of.agent.url, { headers: { 'x-session-id': `${id}` } });
    expect(await metric(of, 'affinity_requests_total')).toBe(2 * 12 + 12 + 2 * 12 + 6);
    change(of, () => ({ affinity: { mode: 'Disabled' } }));
    expect(await served(of, IDS.slice(0, 2), 2)).toEqual(['a,b', 'a,b']);
  });
});

describe('the prompt caches of three providers', () => {
  const TURNS = 4;
  const SESSIONS = 6;

  /** Cached input tokens of sessions whose last turn reaches another pod. */
  async function cachedTokens(affinity: Content['affinity']): Promise<number> {
    const endpoints: Content['endpoints'] = [];
    for (const name of ['a', 'b', 'c']) {
      const model = await startModel();
      cleanups.add(() => model.stop());
      endpoints.push({ name, provider: 'Anthropic', priority: 0, weight: 1, baseURL: model.url });
    }
    const settings = { endpoints, affinity, loadBalancing: 'RoundRobin' };
    const pods = [
      await startRuntime(configuration('', settings)),
      await startRuntime(configuration('', settings)),
    ];
    for (const pod of pods) cleanups.add(() => pod.stop());
    for (let session = 0; session < SESSIONS; session += 1) {
      const text = `You are clerk ${session}.`.repeat(200);
      const system = [{ type: 'text', text, cache_control: { type: 'ephemeral' } }];
      const messages = [{ role: 'user', content: 'Hello' }];
      for (let i = 0; i < TURNS; i += 1) {
        const body = JSON.stringify({ model: 'claude-test', max_tokens: 16, system, messages });
        expect((await send(pods[i < 3 ? 0 : 1]!.url, { body })).status).toBe(200);
        messages.push({ role: 'assistant', content: 'Hi' }, { role: 'user', content: 'Go on' });
      }
    }
    const read = await Promise.all(pods.map((agent) => metric({ agent }, METRICS.cacheReadTokens)));
    return read.reduce((a, b) => a + b, 0);
  }

  it('serve all turns of a session except its first, in all pods', async () => {
    const balanced = await cachedTokens({ mode: 'Disabled' });
    const kept = await cachedTokens(AUTOMATIC);
    // About 750 tokens of system prompt in each turn.
    expect(kept).toBeGreaterThan(SESSIONS * (TURNS - 1) * 700);
    expect(balanced).toBeLessThan(kept * 0.4);
  });
});
