import { open } from 'node:fs/promises';

const CHUNK_BYTES = 64 * 1024;
const END = 10;

/** Lines of a file, last first. Reads one block at a time, so that the event loop stays free. */
export async function* linesBackwards(path: string): AsyncGenerator<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return;
  try {
    let { size: at } = await file.stat();
    let rest = Buffer.alloc(0);
    while (at > 0) {
      const length = Math.min(CHUNK_BYTES, at);
      at -= length;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
      const bytes = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
      // The text before the first newline may be part of a line.
      const end = bytes.indexOf(END);
      const first = at === 0 ? 0 : end < 0 ? bytes.length : end + 1;
      yield* linesOf(bytes.subarray(first)).reverse();
      rest = bytes.subarray(0, first);
    }
  } finally {
    await file.close();
  }
}

function linesOf(bytes: Buffer): string[] {
  return bytes
    .toString()
    .split('\n')
    .filter((line) => line !== '');
}
