import { describe, expect, it } from '@jest/globals';
import { ConnectionError } from './errors.ts';
import { lines } from './lines.ts';

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) {
    yield await Promise.resolve(bytes.subarray(from, from + size));
  }
}

describe('lines', () => {
  it.each([1, 2, 3, 7, 100])('are whole however the stream is cut: %d bytes', async (size) => {
    const all: string[] = [];
    for await (const line of lines(inPieces('{"é":1}\n\n{"漢字":"…"}\r\nlast\n', size))) {
      all.push(line.trim());
    }
    expect(all).toEqual(['{"é":1}', '{"漢字":"…"}', 'last']);
  });

  it('reject when a stream ends within a line', async () => {
    const all: string[] = [];
    const read = async (): Promise<void> => {
      for await (const line of lines(inPieces('one\ntw', 2))) all.push(line);
    };
    await expect(read()).rejects.toThrow(ConnectionError);
    expect(all).toEqual(['one']);
  });
});
