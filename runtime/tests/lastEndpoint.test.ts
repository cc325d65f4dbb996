import { afterEach, describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { RETRY, fine, startPool, status } from '../testing/pool.ts';
import type { Part, Pool } from '../testing/pool.ts';
import { Cleanups } from '../testing/setup.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const circuit = { ...TOUCHY, trip: { consecutiveFailures: 5 } };
const overloaded = status(529);

const pool = (parts: Part[], content: Partial<Content> = {}): Promise<Pool> =>
  startPool(cleanups, parts, content);

async function ask({ agent }: Pool, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i += 1) statuses.push((await send(agent.url, {})).status);
  return [...new Set(statuses)];
}

describe('an endpoint that has served and is overloaded now', () => {
  it('stays in use where no other one serves', async () => {
    const primary: Part = { name: 'primary', does: fine, circuit };
    const context = await pool([primary], { retry: { ...RETRY, maxAttempts: 1 } });
    expect(await ask(context, 6)).toEqual([200]);
    primary.does = overloaded;
    expect(await ask(context, 20)).toEqual([529]);
    primary.does = fine;
    expect(await ask(context, 1)).toEqual([200]);
    expect(context.circuits()['model/primary']).toBe('Closed');
  });

  it('stays in use where the other one is shut', async () => {
    const primary: Part = { name: 'primary', does: fine, circuit };
    const open = { ...circuit, override: { state: 'Open' as const } };
    const spare: Part = { name: 'spare', priority: 1, does: fine, circuit: open };
    const context = await pool([primary, spare]);
    expect(await ask(context, 6)).toEqual([200]);
    primary.does = overloaded;
    expect(await ask(context, 20)).toEqual([529]);
    expect(context.circuits()['model/primary']).toBe('Closed');
  });

  it('is left where another one serves', async () => {
    const primary: Part = { name: 'primary', does: fine, circuit };
    const context = await pool([primary, { name: 'spare', priority: 1, does: fine }]);
    expect(await ask(context, 6)).toEqual([200]);
    primary.does = overloaded;
    expect(await ask(context, 20)).toEqual([200]);
    expect(context.circuits()['model/primary']).toBe('Open');
    expect(context.seen().primary).toBe(11);
  });

  it('stays in use where the other one has just failed the same request', async () => {
    const closed = { ...circuit, override: { state: 'Closed' as const } };
    const primary: Part = { name: 'primary', does: overloaded, circuit: closed };
    const spare: Part = { name: 'spare', priority: 1, does: fine, circuit };
    const context = await pool([primary, spare]);
    expect(await ask(context, 6)).toEqual([200]);
    spare.does = overloaded;
    expect(await ask(context, 20)).toEqual([529]);
    expect(context.seen().spare).toBeGreaterThan(11);
    expect(context.circuits()['model/spare']).toBe('Closed');
  });

  it('gets no retries of ours while more than half of its calls fail', async () => {
    const primary: Part = { name: 'primary', does: overloaded };
    const context = await pool([primary]);
    await ask(context, 2);
    expect(context.seen().primary).toBe(4);
    await ask(context, 2);
    expect(context.seen().primary).toBe(7);
  });
});
