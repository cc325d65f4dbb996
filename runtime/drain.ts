import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MOUNTS } from '../contract/link.ts';

/**
 * Asks the runtime in the same container to start its drain. That runtime serves until SIGTERM. Rejects if it does not
 * answer.
 */
export async function startDrain(directory: string, debugPort: number): Promise<void> {
  const token = await readFile(join(directory, MOUNTS.programTokenKey), 'utf8');
  const headers = { authorization: `Bearer ${token.trim()}` };
  const url = `http://127.0.0.1:${debugPort}/debug/drain`;
  const answer = await fetch(url, { method: 'POST', headers });
  if (!answer.ok) throw new Error(`the runtime does not start its drain: HTTP ${answer.status}`);
}
