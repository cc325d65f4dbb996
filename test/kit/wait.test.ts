import { describe, expect, it } from '@jest/globals';
import { waitFor } from './wait.ts';

describe('waitFor', () => {
  it('returns the value that it waited for', async () => {
    let looks = 0;
    const seen = await waitFor(
      'three looks',
      () => ++looks,
      (count) => count === 3,
      { everyMs: 1 },
    );
    expect(seen).toBe(3);
  });

  it('fails with the last value that it saw', async () => {
    const waiting = waitFor(
      'the door is open',
      () => ({ door: 'ajar' }),
      ({ door }) => door === 'open',
      { timeoutMs: 5, everyMs: 1 },
    );
    await expect(waiting).rejects.toThrow(/the door is open.*"door": "ajar"/s);
  });

  it('tries again after an error, and fails with it in the end', async () => {
    const waiting = waitFor(
      'an answer',
      () => Promise.reject(new Error('refused')),
      () => true,
      { timeoutMs: 5, everyMs: 1 },
    );
    await expect(waiting).rejects.toThrow('error: refused');
  });
});
