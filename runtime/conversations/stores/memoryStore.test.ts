import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { MemoryStore } from './memoryStore.ts';
import type { Lease, Ref } from './store.ts';

describe('a conversation in memory', () => {
  it('is visible only to the client that began it', async () => {
    const store = new MemoryStore({
      clock: new FakeClock(),
      idleTimeoutMs: () => 1000,
      newId: () => 'one',
      absenceOf: () => 'NotFound',
      maxBytes: 1000,
    });
    await store.create([], 'key alice');
    for (const principal of ['key bob', 'jwt alice', '']) {
      const ref = { id: 'one', principal };
      expect(await store.read(ref)).toBe('Foreign');
      expect(await store.take(ref)).toEqual({ absence: 'Foreign' });
      expect(await store.remove(ref)).toBe('Foreign');
    }
    const mine = { id: 'one', principal: 'key alice' };
    expect(await store.read(mine)).toMatchObject({ id: 'one' });
    expect(await store.take(mine)).toHaveProperty('lease');
    // Not even that a message is being answered is told to others.
    expect(await store.take({ ...mine, principal: 'key bob' })).toEqual({ absence: 'Foreign' });
    expect(await store.take(mine)).toEqual({ absence: 'Busy' });
    expect(await store.remove(mine)).toBe('Removed');
    await store.close();
  });

  it('takes no message that would pass the share of all conversations together', async () => {
    const clock = new FakeClock();
    const ids = ['one', 'two', 'three'];
    const store = new MemoryStore({
      ...{ clock, idleTimeoutMs: () => 1000, absenceOf: () => 'NotFound', maxBytes: 10_000 },
      newId: () => ids.shift()!,
    });
    const [one, two, three] = ['one', 'two', 'three'].map((id) => ({ id, principal: '' }));
    for (let i = 0; i < 3; i += 1) await store.create([], '');
    const leaseOf = async (ref: Ref | undefined): Promise<Lease> => {
      const taken = await store.take(ref!);
      if ('absence' in taken) throw new Error(taken.absence);
      return taken.lease;
    };
    const [first, second, third] = [await leaseOf(one), await leaseOf(two), await leaseOf(three)];
    // Counts while its turn runs, and gives its room back when that fails.
    expect([first.reserve(6000), second.reserve(6000)]).toEqual([true, false]);
    await first.release();
    expect(second.reserve(6000)).toBe(true);
    await second.release([{ role: 'user', content: 'x'.repeat(6000) }]);
    expect(third.reserve(6000)).toBe(false);
    // What is idle for too long makes room.
    clock.advance(1000);
    expect(third.reserve(6000)).toBe(true);
    expect(await store.read(two!)).toBe('NotFound');
    await store.close();
  });
});
