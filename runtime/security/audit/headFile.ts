import { readFileSync } from 'node:fs';
import { replaceFile } from '../../../common/files.ts';
import type { ChainHead } from '../../../contract/audit.ts';

/** Stores the head of the chain for the next process of the container. */
export class HeadFile {
  readonly #path: string | undefined;
  #saved = '';
  #saving: Promise<void> | undefined;

  /** Without a path it stores nothing. */
  constructor(path: string | undefined) {
    this.#path = path;
  }

  read(): ChainHead | undefined {
    if (this.#path === undefined) return undefined;
    try {
      return JSON.parse(readFileSync(this.#path, 'utf8')) as ChainHead;
    } catch {
      return undefined;
    }
  }

  /** Saves a head. Never rejects: the next save follows soon. */
  save(head: ChainHead | undefined): Promise<void> {
    const text = JSON.stringify(head);
    if (this.#path === undefined || head === undefined || text === this.#saved) {
      return this.#saving ?? Promise.resolve();
    }
    this.#saving ??= this.#write(this.#path, text).finally(() => (this.#saving = undefined));
    return this.#saving;
  }

  async #write(path: string, text: string): Promise<void> {
    try {
      await replaceFile(path, text);
      this.#saved = text;
    } catch {
      // The next process then continues from an earlier head.
    }
  }
}
