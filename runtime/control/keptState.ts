import type { Logger } from 'pino';
import type { Guard, GuardSnapshot } from '../guard/guard.ts';
import { StateFile } from './stateFile.ts';

export interface KeptStateDeps {
  guard: Pick<Guard, 'snapshot' | 'restore'>;
  /** Path of a file that outlives the process; absent: none. */
  path: string | undefined;
  log: Logger;
}

/** Largest age of a usable state, in milliseconds. */
const MAX_AGE_MS = 10 * 60_000;

/** State of the guard that passes from one process to the next. */
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

  /** Restores the state of the process before; once, at the first configuration. */
  restore(): void {
    if (this.#restored) return;
    this.#restored = true;
    const saved = this.#file?.read();
    if (saved === undefined) return;
    const { guard, log } = this.#deps;
    try {
      guard.restore(saved as GuardSnapshot, MAX_AGE_MS);
      log.info('State of the process before was restored');
    } catch (error) {
      log.warn({ err: error }, 'State of the process before could not be restored');
    }
  }

  /** Saves the current state; nothing before `restore`. Never rejects. */
  async save(): Promise<void> {
    if (this.#restored) await this.#file?.save();
  }

  /** Time of the state in the file, RFC 3339; undefined without one. */
  get savedAt(): string | undefined {
    return (this.#file?.written as GuardSnapshot | undefined)?.savedAt;
  }

  /** The previous object if only the time differs, so that an idle pod writes nothing. */
  #snapshot(): GuardSnapshot {
    const now = this.#deps.guard.snapshot();
    if (!this.#last || !alike(this.#last, now)) this.#last = now;
    return this.#last;
  }
}

/** Whether only the times differ. */
function alike(a: GuardSnapshot, b: GuardSnapshot): boolean {
  return JSON.stringify({ ...a, savedAt: '' }) === JSON.stringify({ ...b, savedAt: '' });
}
