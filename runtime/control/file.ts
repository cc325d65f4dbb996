import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';

export interface WatchedFiles {
  directory: string;
  /** File names, each with the receiver of changed text. */
  files: Record<string, (text: string) => void>;
  log: Logger;
  /** Interval between reads without notification, in milliseconds. */
  pollMs?: number;
}

/**
 * Watches files of a mounted volume. The kubelet replaces a ConfigMap by swapping the symbolic link `..data`, which a
 * watch on a file would miss. So it watches the directory, and polls as well, because notifications can be lost and
 * the directory may not exist yet.
 */
export class FileWatcher {
  readonly #options: WatchedFiles;
  readonly #known = new Map<string, string>();
  #watcher: FSWatcher | undefined;
  #poll: NodeJS.Timeout | undefined;
  #reading: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;

  constructor(options: WatchedFiles) {
    this.#options = options;
  }

  /** Resolves after the first read. */
  async start(): Promise<void> {
    this.#watch();
    await this.#look();
    this.#poll = setInterval(() => {
      if (!this.#watcher) this.#watch();
      void this.#look();
    }, this.#options.pollMs ?? 10_000).unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    this.#watcher?.close();
  }

  #watch(): void {
    const forget = (): void => {
      this.#watcher?.close();
      this.#watcher = undefined;
    };
    try {
      this.#watcher = watch(this.#options.directory, { persistent: false }, () => {
        void this.#look();
      });
      this.#watcher.on('error', forget);
    } catch {
      // The directory does not exist yet, or watches have run out: polling continues.
      forget();
    }
  }

  /** Reads again after the current read. Several calls meanwhile cause one read. */
  #look(): Promise<void> {
    if (this.#queued) return this.#reading;
    this.#queued = true;
    this.#reading = this.#reading.then(async () => {
      this.#queued = false;
      for (const name of Object.keys(this.#options.files)) await this.#readOne(name);
    });
    return this.#reading;
  }

  async #readOne(name: string): Promise<void> {
    const { directory, files, log } = this.#options;
    const text = await readFile(join(directory, name), 'utf8').catch(() => undefined);
    if (text === undefined || text === this.#known.get(name) || this.#closed) return;
    this.#known.set(name, text);
    try {
      files[name]!(text);
    } catch (error) {
      log.error({ err: error, file: name }, 'File could not be used');
    }
  }
}
