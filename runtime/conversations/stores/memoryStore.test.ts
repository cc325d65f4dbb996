import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../testing/fakeClock.ts';
import { MemoryStore } from './memoryStore.ts';

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
      expect(await store.read(ref)).toBe('NotFound');
      expect(await store.take(ref)).toEqual({ absence: 'NotFound' });
      expect(await store.remove(ref)).toBe('NotFound');
    }
    const mine = { id: 'one', principal: 'key alice' };
    expect(await store.read(mine)).toMatchObject({ id: 'one' });
    expect(await store.take(mine)).toHaveProperty('lease');
    // Not even that a message is being answered is told to others.
    expect(await store.take({ ...mine, principal: 'key bob' })).toEqual({ absence: 'NotFound' });
    expect(await store.take(mine)).toEqual({ absence: 'Busy' });
    expect(await store.remove(mine)).toBe('Removed');
    await store.close();
  });
});
