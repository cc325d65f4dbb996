import { open, rename, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/**
 * Replaces a file in one step: neither a reader nor the process after a crash finds half of it. Only its owner may read
 * it.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

const NEWLINE = 0x0a;
const CHUNK_BYTES = 64 * 1024;

/** Cuts off a last line that a killed process left without its end. Returns the bytes that stay; 0 without a file. */
export async function dropTornLine(path: string): Promise<number> {
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const { size } = await file.stat();
    const end = await lastLineEnd(file, size);
    if (end < size) await file.truncate(end);
    return end;
  } finally {
    await file.close();
  }
}

async function lastLineEnd(file: FileHandle, size: number): Promise<number> {
  const chunk = Buffer.alloc(Math.min(size, CHUNK_BYTES));
  for (let end = size; end > 0; end -= Math.min(end, CHUNK_BYTES)) {
    const start = Math.max(0, end - CHUNK_BYTES);
    await file.read(chunk, 0, end - start, start);
    const at = chunk.subarray(0, end - start).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
  }
  return 0;
}
