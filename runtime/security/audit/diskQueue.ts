import { appendFile, mkdir, open, readFile, readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { dropTornLine, replaceFile } from '../../../common/files.ts';

/** A position in the queue: that of the first byte that is still to be taken. */
interface Place {
  segment: number;
  offset: number;
}

export interface Taken {
  lines: string[];
  /** Argument for `done`. */
  end: Place;
}

/** Size at which the next file begins, in bytes. */
const SEGMENT_BYTES = 1024 * 1024;
const SEGMENT = /^(\d{8})\.jsonl$/;
const PLACE = 'place.json';

/** A queue of lines in a sequence of files. It outlives the process. */
export class DiskQueue {
  readonly #directory: string;
  #segments: number[] = [];
  /** Bytes of whole lines in the last segment. */
  #lastSize = 0;
  #place: Place = { segment: 0, offset: 0 };
  #bytes = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Reads the queue of the process before. */
  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = await readdir(this.#directory);
    this.#segments = names
      .flatMap((name) => SEGMENT.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    this.#place = await this.#savedPlace();
    await this.#dropHalfLine();
    let bytes = 0;
    for (const segment of this.#segments) {
      if (segment < this.#place.segment) continue;
      const { size } = await stat(this.#path(segment));
      bytes += size - (segment === this.#place.segment ? Math.min(size, this.#place.offset) : 0);
    }
    this.#bytes = bytes;
  }

  /** Appends whole lines. Rejects if it stored none of them. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    if (this.#segments.length === 0 || this.#lastSize + bytes > SEGMENT_BYTES) {
      this.#segments.push((this.#segments.at(-1) ?? 0) + 1);
      this.#lastSize = 0;
    }
    const path = this.#path(this.#segments.at(-1)!);
    try {
      await appendFile(path, text, { mode: 0o600 });
    } catch (error) {
      await truncate(path, this.#lastSize).catch(() => undefined);
      throw error;
    }
    this.#lastSize += bytes;
    this.#bytes += bytes;
  }

  /** The first `most` lines; undefined for an empty queue. */
  async first(most: number): Promise<Taken | undefined> {
    for (const segment of this.#segments) {
      if (segment < this.#place.segment) continue;
      const offset = segment === this.#place.segment ? this.#place.offset : 0;
      const text = await textFrom(this.#path(segment), offset);
      const lines = text.split('\n').slice(0, -1).slice(0, most);
      if (lines.length === 0) continue;
      const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
      return { lines, end: { segment, offset: offset + bytes } };
    }
    return undefined;
  }

  /** Removes the lines before this position. */
  async done(end: Place): Promise<void> {
    const path = join(this.#directory, PLACE);
    await replaceFile(path, JSON.stringify(end));
    const bytes = await this.#between(this.#place, end);
    this.#bytes -= bytes;
    this.#place = end;
    // Keeps the last segment: new lines go there.
    const last = this.#segments.at(-1)!;
    const over = this.#segments.filter((each) => each < end.segment && each !== last);
    this.#segments = this.#segments.filter((each) => !over.includes(each));
    for (const segment of over) await rm(this.#path(segment), { force: true });
  }

  async #between(from: Place, to: Place): Promise<number> {
    if (from.segment === to.segment) return to.offset - from.offset;
    const left = this.#segments.includes(from.segment)
      ? (await stat(this.#path(from.segment))).size - from.offset
      : 0;
    return left + to.offset;
  }

  async #savedPlace(): Promise<Place> {
    try {
      return JSON.parse(await readFile(join(this.#directory, PLACE), 'utf8')) as Place;
    } catch {
      return { segment: 0, offset: 0 };
    }
  }

  /** A killed process may have left half a line. */
  async #dropHalfLine(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined) return;
    this.#lastSize = await dropTornLine(this.#path(last));
  }

  #path(segment: number): string {
    return join(this.#directory, `${String(segment).padStart(8, '0')}.jsonl`);
  }
}

async function textFrom(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.max(0, size - offset);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
