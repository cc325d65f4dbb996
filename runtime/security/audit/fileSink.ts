import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { appendFile, mkdir, readdir, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { dropTornLine } from '../../../common/files.ts';
import type { ChainHead, SealedEvent } from '../../../contract/audit.ts';
import { LineQueue } from './lineQueue.ts';
import type { LineQueueDeps, Sink } from './lineQueue.ts';

export interface FileSpec {
  /** Directory of this pod alone. */
  directory: string;
  /** Size at which the next file begins, in bytes. */
  maxBytes: number;
  /** Number of files, including the current one. */
  maxFiles: number;
}

/** Name of the current file. */
const CURRENT = 'audit.jsonl';
const ROTATED = /^audit-.*\.jsonl$/;
const BATCH_BYTES = 1024 * 1024;
/** Longer than any event. */
const TAIL_BYTES = 256 * 1024;

/** Appends events to a file on a volume and rotates it when it is full. */
export class FileSink extends LineQueue implements Sink {
  readonly name = 'file';

  constructor(spec: FileSpec, deps: Pick<LineQueueDeps, 'clock' | 'maxBytes' | 'onError'>) {
    const file = new RotatedFile(spec);
    super({ ...deps, batchBytes: BATCH_BYTES, keep: (text) => file.append(text) });
  }
}

class RotatedFile {
  readonly #spec: FileSpec;
  readonly #path: string;
  /** Bytes of whole lines in the current file; undefined before it is read. */
  #size: number | undefined;

  constructor(spec: FileSpec) {
    this.#spec = spec;
    this.#path = join(spec.directory, CURRENT);
  }

  async append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    this.#size ??= await this.#begin();
    if (this.#size > 0 && this.#size + bytes > this.#spec.maxBytes) await this.#rotate();
    try {
      await appendFile(this.#path, text, { mode: 0o600 });
    } catch (error) {
      // Removes a partial line, because the next line would continue it.
      await truncate(this.#path, this.#size).catch(() => undefined);
      this.#size = undefined;
      throw error;
    }
    this.#size += bytes;
  }

  async #begin(): Promise<number> {
    await mkdir(this.#spec.directory, { recursive: true, mode: 0o700 });
    return dropTornLine(this.#path);
  }

  async #rotate(): Promise<void> {
    const { directory, maxFiles } = this.#spec;
    const rotated = (await readdir(directory)).filter((name) => ROTATED.test(name)).sort();
    const number = Number(/\d+/.exec(rotated.at(-1) ?? '')?.[0] ?? 0) + 1;
    await rename(this.#path, join(directory, `audit-${String(number).padStart(8, '0')}.jsonl`));
    this.#size = 0;
    const surplus = rotated.length + 2 - maxFiles;
    for (const name of rotated.slice(0, Math.max(0, surplus))) await rm(join(directory, name));
  }
}

/** The head of the chain at the end of the files of a directory. */
export function headInFile(directory: string): ChainHead | undefined {
  const lines = tailOf(join(directory, CURRENT))?.split('\n') ?? [];
  // The last piece is empty or half a line.
  const last = lines.at(-2);
  if (last === undefined) return undefined;
  try {
    const { metadata, unmapped } = JSON.parse(last) as SealedEvent;
    const { chain, hash } = unmapped ?? {};
    const { sequence } = metadata;
    if (chain === undefined || hash === undefined || sequence === undefined) return undefined;
    return { chain, sequence, hash };
  } catch {
    return undefined;
  }
}

function tailOf(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.toString();
  } finally {
    closeSync(file);
  }
}

/** Files of a directory, newest first. */
export async function filesIn(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => []);
  const rotated = names.filter((name) => ROTATED.test(name)).sort();
  return [...rotated, ...names.filter((name) => name === CURRENT)]
    .reverse()
    .map((name) => join(directory, name));
}
