import { describe, expect, it } from '@jest/globals';
import { MESSAGE } from '../testing/upstream.ts';
import { virtualModel } from '../testing/virtualModel.ts';
import type { Script, VirtualModel } from '../testing/virtualModel.ts';

const SECOND = 1000;

const answers = (ms: number): Script => ({
  ...{ headMs: ms, headers: ['content-type', 'application/json'] },
  ...{ body: [[ms, JSON.stringify(MESSAGE)]], endMs: ms },
});
const HANGS: Script = {};

async function statuses(model: VirtualModel, count: number): Promise<(number | undefined)[]> {
  const all: (number | undefined)[] = [];
  for (let i = 0; i < count; i += 1) all.push((await model.ask()).client.status);
  return all;
}

const seconds = (ms: number): number => Math.round(ms / SECOND);

const failures = ({ guard }: VirtualModel): object[] =>
  guard.stats().circuits.map((circuit) => circuit.failures);

const circuits = ['primary', 'spare'].map((name) => ({
  dependency: `model/${name}`,
  ...{ trip: { consecutiveFailures: 5 }, openDurationMs: 60_000, maxOpenDurationMs: 60_000 },
  halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
}));

describe('an unstreamed attempt', () => {
  it('that takes 5/8 of the time is served with a fallback as it is without one', async () => {
    const slow = (): Script => answers(187.5 * SECOND);
    const model = virtualModel({ primary: slow, spare: slow }, { circuits });
    expect(await statuses(model, 6)).toEqual(Array(6).fill(200));
    expect([model.seen.primary!.length, model.seen.spare!.length]).toEqual([6, 0]);
    expect(failures(model)).toEqual([{}, {}]);
  });

  it('at an endpoint that hangs leaves the fallback a minute', async () => {
    const model = virtualModel(
      { primary: () => HANGS, spare: () => answers(50 * SECOND) },
      { circuits },
    );
    const { client, ms } = await model.ask();
    expect([client.status, seconds(ms)]).toEqual([200, 290]);
    expect(failures(model)).toEqual([{ Timeout: 1 }, {}]);
  });

  it('is cut after three times the usual time once 20 of its like were served', async () => {
    let hangs = false;
    const model = virtualModel(
      { primary: () => (hangs ? HANGS : answers(20 * SECOND)), spare: () => answers(SECOND) },
      { circuits },
    );
    await statuses(model, 20);
    hangs = true;
    const { client, ms } = await model.ask();
    expect([client.status, seconds(ms)]).toEqual([200, 61]);
    expect(failures(model)).toEqual([{ Timeout: 1 }, {}]);
    const larger = await model.ask({ size: { textBytes: 10, mediaTokens: 0, maxTokens: 8000 } });
    expect(seconds(larger.ms)).toBe(241);
  });

  it('that is cut while its like are served was only slow', async () => {
    let nth = 0;
    const model = virtualModel(
      {
        primary: () => (nth++ === 20 ? HANGS : answers(20 * SECOND)),
        spare: () => answers(SECOND),
      },
      { circuits: circuits.map((each) => ({ ...each, trip: { consecutiveFailures: 1 } })) },
    );
    await statuses(model, 20);
    const hanging = model.ask();
    const served = model.ask();
    expect([(await hanging).client.status, (await served).client.status]).toEqual([200, 200]);
    expect(model.seen.spare).toHaveLength(1);
    expect(failures(model)).toEqual([{}, {}]);
    expect(model.guard.circuits()[0]!.state).toBe('Closed');
  });
});
