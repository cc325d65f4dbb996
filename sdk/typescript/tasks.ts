import type { Recorded, Task, Tasks } from '../../contract/generated/program.ts';
import type { LocalApi } from './localApi.ts';

/** Time until tasks that have ended are recorded, in milliseconds, and the most in one request. */
const FLUSH_MS = 1000;
const MOST = 512;

/** Times tasks, and records them with the runtime once a second. A task never fails because of that. */
export class TaskRecorder {
  readonly #api: LocalApi;
  readonly #instance: string;
  readonly #warn: (text: string) => void;
  readonly #running = new Map<string, number>();
  #ended: Task[] = [];
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(api: LocalApi, instance: string, warn: (text: string) => void) {
    this.#api = api;
    this.#instance = instance;
    this.#warn = warn;
  }

  /** A function that does the same, with its calls timed under this name. Errors count by their class, and pass. */
  track<A extends unknown[], R>(
    name: string,
    work: (...args: A) => R | Promise<R>,
  ): (...args: A) => Promise<R> {
    const tracked = async (...args: A): Promise<R> => {
      const began = performance.now();
      this.#count(name, 1);
      let error: string | undefined;
      try {
        return await work(...args);
      } catch (thrown) {
        error = classOf(thrown);
        throw thrown;
      } finally {
        this.#count(name, -1);
        this.#end({ name, ms: performance.now() - began, ...(error !== undefined && { error }) });
      }
    };
    Object.defineProperty(tracked, 'name', { value: name });
    return tracked;
  }

  /** Records what has ended. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const tasks = this.#ended;
    if (tasks.length === 0 || !this.#api.present) return;
    this.#ended = [];
    const running = Object.fromEntries(this.#running);
    const body: Tasks = { tasks, instance: this.#instance, running };
    try {
      await this.#api.json<Recorded>('/v1/tasks', { method: 'POST', body });
    } catch (error) {
      this.#warn(`${tasks.length} tasks were not recorded: ${String(error)}`);
    }
    if (this.#dropped > 0)
      this.#warn(`${this.#dropped} tasks of one second were not recorded: ${MOST} are`);
    this.#dropped = 0;
  }

  #count(name: string, change: number): void {
    this.#running.set(name, Math.max(0, (this.#running.get(name) ?? 0) + change));
    // The runtime keeps as many names, too.
    if (this.#running.size > 64) this.#running.clear();
  }

  #end(task: Task): void {
    if (this.#ended.length < MOST) this.#ended.push(task);
    else this.#dropped += 1;
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref();
  }
}

const CLASS = /^[A-Za-z_$][A-Za-z0-9_.$:]{0,63}$/;

/** The class of what was thrown, as the local API takes it. */
export function classOf(error: unknown): string {
  const name = error instanceof Error ? error.constructor.name || error.name : typeof error;
  return CLASS.test(name) ? name : 'Error';
}
