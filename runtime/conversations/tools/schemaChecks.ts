import { Worker } from 'node:worker_threads';

/** Request to the thread. Texts are JSON. */
export interface CheckRequest {
  /** Id of the schema in this process. */
  id: number;
  schema: string;
  /** Absent: the schema is only compiled. */
  value?: string;
  /** Name of the value in faults. */
  dataVar: string;
}

/** `Refused`: the schema is unusable. `Unfit`: the value does not fit it. */
export type CheckResult = { kind: 'Fits' } | { kind: 'Unfit' | 'Refused'; why: string };

/** A schema of a tool. Its author is not trusted. */
export interface CheckedSchema {
  readonly id: number;
  /** As JSON. */
  readonly text: string;
  /** Result of its compilation; undefined before it. */
  compiled?: CheckResult;
  /** End of the pause after a check that took too much, on the clock of performance.now(). */
  asideUntil?: number;
}

export interface SchemaChecksDeps {
  /** Computing time for one check, in milliseconds. */
  checkMs?: number;
  /** Heap of the thread, in MiB. */
  heapMb?: number;
}

/** Longest computing time for one check of a value or one compilation of a schema, in milliseconds. */
export const SCHEMA_CHECK_MS = 2000;
/** Heap of the thread that compiles schemas, in MiB. */
export const SCHEMA_HEAP_MB = 48;
/** Pause after a check that took too much time or memory, in milliseconds. */
export const SCHEMA_ASIDE_MS = 60_000;
/** Time for the thread to start, in milliseconds. */
const START_MS = 30_000;
const STACK_MB = 2;
const YOUNG_MB = 4;

interface Job {
  schema: CheckedSchema;
  /** Absent: the schema is only compiled. */
  value?: { text: string; dataVar: string };
  done: (result: CheckResult) => void;
}

/**
 * Compiles the schemas of tools and checks values by them in a separate thread, one after another. A schema that takes
 * too much time or memory ends the thread; the next check starts a new one. The process keeps running.
 */
export class SchemaChecks {
  readonly #checkMs: number;
  readonly #heapMb: number;
  readonly #jobs: Job[] = [];
  #thread: Promise<Worker> | undefined;
  #running = false;
  #closed = false;
  #ids = 0;

  constructor({ checkMs = SCHEMA_CHECK_MS, heapMb = SCHEMA_HEAP_MB }: SchemaChecksDeps = {}) {
    this.#checkMs = checkMs;
    this.#heapMb = heapMb;
  }

  /** Registers a schema without compiling it. */
  schema(value: unknown): CheckedSchema {
    this.#ids += 1;
    return { id: this.#ids, text: JSON.stringify(value) };
  }

  /** Compiles a schema. Never rejects. */
  compile(schema: CheckedSchema): Promise<CheckResult> {
    return this.#ask({ schema });
  }

  /** Checks a value, which is JSON. Never rejects. */
  check(schema: CheckedSchema, value: unknown, dataVar: string): Promise<CheckResult> {
    const text = textOf(value);
    if (text === undefined) return Promise.resolve({ kind: 'Unfit', why: 'it is nested too deep' });
    return this.#ask({ schema, value: { text, dataVar } });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  #ask(job: Omit<Job, 'done'>): Promise<CheckResult> {
    return new Promise((done) => {
      this.#jobs.push({ ...job, done });
      if (!this.#running) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#running = true;
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      job.done(await this.#run(job));
    }
    this.#running = false;
  }

  async #run({ schema, value }: Job): Promise<CheckResult> {
    schema.compiled ??= await this.#inThread({ id: schema.id, schema: schema.text, dataVar: '' });
    if (schema.compiled.kind !== 'Fits' || !value) return schema.compiled;
    if (performance.now() < (schema.asideUntil ?? 0)) {
      return { kind: 'Unfit', why: 'the check of an earlier one took too much' };
    }
    const { text, dataVar } = value;
    const request = { id: schema.id, schema: schema.text, value: text, dataVar };
    const result = await this.#inThread(request);
    if (result.kind !== 'Refused') return result;
    schema.asideUntil = performance.now() + SCHEMA_ASIDE_MS;
    return { kind: 'Unfit', why: result.why };
  }

  /** `Refused`, too, if the check ended the thread. */
  async #inThread(request: CheckRequest): Promise<CheckResult> {
    if (this.#closed) return { kind: 'Unfit', why: 'the agent is shutting down' };
    this.#thread ??= this.#start();
    try {
      return await answerOf(await this.#thread, request, this.#checkMs);
    } catch (error) {
      await this.#end();
      return { kind: 'Refused', why: error instanceof Error ? error.message : 'it failed' };
    }
  }

  async #end(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    try {
      await (await thread)?.terminate();
    } catch {
      // The thread never started.
    }
  }

  async #start(): Promise<Worker> {
    // Beside this file in the source, and beside the bundle.
    const name = import.meta.url.endsWith('.ts') ? 'schemaWorker.ts' : 'schemaWorker.js';
    const worker = new Worker(new URL(name, import.meta.url), {
      resourceLimits: {
        maxOldGenerationSizeMb: this.#heapMb,
        maxYoungGenerationSizeMb: YOUNG_MB,
        stackSizeMb: STACK_MB,
      },
      // Hides the process's flags and secrets from the thread.
      env: {},
      execArgv: [],
    });
    worker.unref();
    // An error between two checks.
    worker.on('error', () => undefined);
    await messageOf(worker, START_MS);
    return worker;
  }
}

/** Rejects when the thread has computed for `ms`. On a busy machine this takes longer. */
async function answerOf(worker: Worker, request: CheckRequest, ms: number): Promise<CheckResult> {
  const before = await computedMs(worker);
  worker.postMessage(request);
  const leftMs = async (): Promise<number> => before + ms - (await computedMs(worker));
  return (await messageOf(worker, ms, leftMs)) as CheckResult;
}

/** Processor time of the thread; before Node.js 24.6, which does not tell it, any time. */
async function computedMs(worker: Worker): Promise<number> {
  if (!('cpuUsage' in worker)) return performance.now();
  const { user, system } = await worker.cpuUsage();
  return (user + system) / 1000;
}

/**
 * The next message of the thread. Rejects when the thread ends or the time is up.
 *
 * @param leftMs how much time is left when `ms` are over
 */
function messageOf(
  worker: Worker,
  ms: number,
  leftMs = (): Promise<number> => Promise.resolve(0),
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = (delayMs: number): void => {
      timer = setTimeout(() => void onTime(), delayMs);
    };
    const onTime = async (): Promise<void> => {
      const left = await leftMs().catch(() => 0);
      if (isOver) return;
      if (left > 0) wait(left);
      else end(() => reject(new Error(`it takes longer than ${ms} ms`)));
    };
    let isOver = false;
    const onMessage = (message: unknown): void => end(() => resolve(message));
    const onError = (error: NodeJS.ErrnoException): void => end(() => reject(failure(error)));
    const onExit = (): void => end(() => reject(new Error('its thread ended')));
    const end = (settle: () => void): void => {
      isOver = true;
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      settle();
    };
    wait(ms);
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}

function failure({ code, message }: NodeJS.ErrnoException): Error {
  return new Error(code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'it takes too much memory' : message);
}

function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch {
    return undefined;
  }
}
