import { readFileSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import type { Logger } from 'pino';

export interface StateFileDeps {
  /** Survives the process, but not the pod: an emptyDir. */
  path: string;
  /** What is worth keeping, as JSON. */
  snapshot(): unknown;
  log: Logger;
}

/**
 * Keeps the guard's state in a file, so that a container that is killed comes back with its
 * circuits open. Writes go one after another, each replacing the file whole; what is asked for
 * while one is under way is written after it, once.
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

  /** What the file holds, if this process has written it. */
  get written(): unknown {
    return this.#written;
  }

  /** What the process before left; undefined when it left nothing that can be read. */
  read(): unknown {
    try {
      return JSON.parse(readFileSync(this.#deps.path, 'utf8')) as unknown;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#deps.log.warn('State of the process before could not be read');
        rmSync(this.#deps.path, { force: true });
      }
      return undefined;
    }
  }

  /** Writes what is now, soon; resolves when it is written or could not be. Never rejects. */
  save(): Promise<void> {
    this.#again = true;
    this.#writing ??= this.#write();
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { path, log } = this.#deps;
    // Whoever asks may be in the middle of a change.
    await Promise.resolve();
    while (this.#again) {
      this.#again = false;
      const snapshot = this.#deps.snapshot();
      const text = JSON.stringify(snapshot);
      if (text === this.#last) continue;
      try {
        await writeFile(`${path}.new`, text, { mode: 0o600 });
        await rename(`${path}.new`, path);
        this.#last = text;
        this.#written = snapshot;
      } catch (error) {
        log.warn({ err: error }, 'State could not be written');
      }
    }
    this.#writing = undefined;
  }
}
