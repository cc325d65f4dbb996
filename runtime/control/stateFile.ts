import { readFileSync, rmSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { replaceFile } from '../../common/files.ts';

export interface StateFileDeps {
  /** A path that outlives the process, but not the pod: an emptyDir. */
  path: string;
  /** State to store, as JSON. */
  snapshot(): unknown;
  log: Logger;
}

/** Largest size of a file that a process may have written, in bytes. */
const MAX_STATE_BYTES = 16 * 1024 * 1024;

/**
 * Stores state in a file for the next process of the pod, such as open circuits for a killed container. Writes run one
 * after another and replace the whole file. Calls during a write cause one more write.
 */
export class StateFile {
  readonly #deps: StateFileDeps;
  #writing: Promise<void> | undefined;
  #again = false;
  #last = '';
  #written: unknown;

  constructor(deps: StateFileDeps) {
    this.#deps = deps;
  }

  /** Content of the file, if this process has written it. */
  get written(): unknown {
    return this.#written;
  }

  /** Content from the process before; undefined if it is missing or unreadable. */
  read(): unknown {
    return this.#read((text) => JSON.parse(text) as unknown);
  }

  /** The text of that content. */
  readText(): string | undefined {
    return this.#read((text) => text);
  }

  #read<T>(parse: (text: string) => T): T | undefined {
    const { path, log } = this.#deps;
    try {
      const found = statSync(path);
      if (!found.isFile() || found.size > MAX_STATE_BYTES) throw new Error('no process wrote it');
      return parse(readFileSync(path, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        log.warn('State of the process before could not be read');
        rmSync(path, { recursive: true, force: true });
      }
      return undefined;
    }
  }

  /** Writes the current state soon; resolves after the write or its failure. Never rejects. */
  save(): Promise<void> {
    this.#again = true;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { path, log } = this.#deps;
    // The caller may be in the middle of a change.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      const snapshot = this.#deps.snapshot();
      const text = JSON.stringify(snapshot);
      if (text === this.#last) continue;
      try {
        await replaceFile(path, text);
        this.#last = text;
        this.#written = snapshot;
      } catch (error) {
        log.warn({ err: error }, 'State could not be written');
      }
    }
    this.#writing = undefined;
  }
}
