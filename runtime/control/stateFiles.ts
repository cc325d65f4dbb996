import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { StateFile } from './stateFile.ts';

export interface StateFilesDeps {
  /** A directory of this pod alone, which outlives the process, but not the pod. */
  directory: string;
  log: Logger;
}

/** Largest number of files; older ones are removed. */
const MAX_FILES = 32;

/** Values by key, each in a file of its own, for the next process of the pod. */
export class StateFiles {
  readonly #deps: StateFilesDeps;
  #writing: Promise<void> = Promise.resolve();

  constructor(deps: StateFilesDeps) {
    this.#deps = deps;
  }

  /** The value's JSON; undefined if there is none. */
  read(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#file(key, undefined).readText());
  }

  /** Never rejects. `key` is fit for a file's name. */
  write(key: string, value: object): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write(key, value));
    return this.#writing;
  }

  async #write(key: string, value: object): Promise<void> {
    const { directory, log } = this.#deps;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await this.#file(key, value).save();
      await this.#removeOldest();
    } catch (error) {
      log.warn({ err: error }, 'State could not be written');
    }
  }

  async #removeOldest(): Promise<void> {
    const paths = (await readdir(this.#deps.directory)).map((name) =>
      join(this.#deps.directory, name),
    );
    if (paths.length <= MAX_FILES) return;
    const files = await Promise.all(
      paths.map(async (path) => ({ path, at: (await stat(path)).mtimeMs })),
    );
    const oldest = files.sort((a, b) => b.at - a.at).slice(MAX_FILES);
    await Promise.all(oldest.map(({ path }) => rm(path, { recursive: true, force: true })));
  }

  #file(key: string, value: object | undefined): StateFile {
    const { directory, log } = this.#deps;
    return new StateFile({ path: join(directory, `${key}.json`), snapshot: () => value, log });
  }
}
