import { describe, expect, it } from '@jest/globals';
import { CollectedBytes } from './collectedBytes.ts';

describe('collected bytes', () => {
  it.each([
    [[5]],
    [[1, 1, 1]],
    [[10, 5000, 3, 70_000, 2, 2, 4095, 4096]],
    [Array.from({ length: 300 }, (_, i) => i * 7)],
  ])('of %j join to the same bytes', (sizes) => {
    const collected = new CollectedBytes();
    const chunks = sizes.map((size, i) => Buffer.alloc(size, i));
    for (const chunk of chunks) collected.add(chunk);
    expect(collected.take().equals(Buffer.concat(chunks))).toBe(true);
    expect(collected.take()).toHaveLength(0);
  });
});
