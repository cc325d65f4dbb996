import type { Logger } from 'pino';
import type { Guard, GuardSnapshot } from '../guard/guard.ts';
import { StateFile } from './stateFile.ts';

export interface KeptStateDeps {
  guard: Pick<Guard, 'snapshot' | 'restore'>;
  /** Of a file that outlives the process; absent: nothing does. */
  path: string | undefined;
  log: Logger;
}

/** State of a process that ended longer ago is worth nothing, in milliseconds. */
const MAX_AGE_MS = 10 * 60_000;

/** What the guard takes over from the process before and leaves to the next. */
export class KeptState {
  readonly #deps: KeptStateDeps;
  readonly #file: StateFile | undefined;
  #restored = false;
  #last: GuardSnapshot | undefined;

  constructor(deps: KeptStateDeps) {
    const { path, log } = deps;
    this.#deps = deps;
    if (path !== undefined) {
      this.#file = new StateFile({ path, snapshot: () => this.#snapshot(), log });
    }
  }

  /** Takes up what the process before left; once, when the first configuration is in force. */
  restore(): void {
    if (this.#restored) return;
    this.#restored = true;
    const saved = this.#file?.read();
    if (saved === undefined) return;
    const { guard, log } = this.#deps;
    try {
      guard.restore(saved as GuardSnapshot, MAX_AGE_MS);
      log.info('State of the process before was taken up');
    } catch (error) {
      log.warn({ err: error }, 'State of the process before could not be taken up');
    }
  }

  /** Saves what is now. Before anything was restored there is nothing to save. Never rejects. */
  async save(): Promise<void> {
    if (this.#restored) await this.#file?.save();
  }

  /** When the state that the file holds was taken, RFC 3339; undefined when it holds none. */
  get savedAt(): string | undefined {
    return (this.#file?.written as GuardSnapshot | undefined)?.savedAt;
  }

  /** The same as before if but the time is another, so that an idle pod writes nothing. */
  #snapshot(): GuardSnapshot {
    const now = this.#deps.guard.snapshot();
    if (!this.#last || !alike(this.#last, now)) this.#last = now;
    return this.#last;
  }
}

/** Whether they differ in nothing but the time. */
function alike(a: GuardSnapshot, b: GuardSnapshot): boolean {
  return JSON.stringify({ ...a, savedAt: '' }) === JSON.stringify({ ...b, savedAt: '' });
}
