import type { Content, MountedKey } from '../../contract/generated/types.ts';
import { MountedFile } from '../mounts/mountedFile.ts';

type Conversation = NonNullable<Content['conversation']>;

/** Interval between two checks of the file, in milliseconds. */
const CHECK_MS = 1000;

/**
 * The system prompt, from the configuration or from a mounted ConfigMap. Reads the file at most once a second; without
 * the file the last text stays in force.
 */
export class SystemPrompt {
  readonly #now: () => number;
  #file: { path: string; content: MountedFile } | undefined;
  #checkedAt = -Infinity;
  #present = false;
  #text: string | undefined;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The text; Missing if the configuration names a file that never existed. */
  read({ systemPrompt, systemPromptFile }: Conversation): { text?: string } | 'Missing' {
    if (systemPromptFile === undefined) {
      return systemPrompt === undefined ? {} : { text: systemPrompt };
    }
    this.#look(systemPromptFile);
    return this.#text === undefined ? 'Missing' : { text: this.#text };
  }

  /** The key of a ConfigMap that is missing or empty. */
  missing(conversation: Conversation | undefined): MountedKey | undefined {
    const file = conversation?.systemPromptFile;
    if (file === undefined) return undefined;
    this.#look(file);
    return this.#present ? undefined : file;
  }

  #look({ path }: MountedKey): void {
    if (path !== this.#file?.path) {
      this.#file = { path, content: new MountedFile(path) };
      this.#checkedAt = -Infinity;
      this.#text = undefined;
    }
    const now = this.#now();
    if (now - this.#checkedAt < CHECK_MS) return;
    this.#checkedAt = now;
    const text = this.#file.content.read()?.trim();
    this.#present = text !== undefined && text !== '';
    if (this.#present) this.#text = text;
  }
}
