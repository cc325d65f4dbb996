import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pythonEnvironment } from './environment.ts';

export interface Call {
  /** The name of a function in sdk.py. */
  call: string;
  url: string;
  key: string;
  request?: object;
  /** How often the SDK tries again. */
  retries?: number;
  /** Time for each try, in seconds. */
  timeout?: number;
}

/** What a call returned, or the exception that it raised. */
export interface Outcome {
  value?: unknown;
  error?: string;
  status?: number | null;
  type?: string | null;
  requestId?: string | null;
  message?: string;
  seconds: number;
}

/** A Python process that calls an agent with an SDK, by default Anthropic's. */
export class PythonSdk {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  /** Installs the SDK where that has not been done yet. */
  static async start(script = 'sdk.py', requirements?: string): Promise<PythonSdk> {
    const env = await pythonEnvironment(requirements);
    const child = spawn('python3', [join(import.meta.dirname, script)], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const sdk = new PythonSdk(child);
    await sdk.#next();
    return sdk;
  }

  /** One call at a time. */
  call(call: Call): Promise<Outcome> {
    return this.#ask<Outcome>(call);
  }

  /** Many of them at the same time. */
  callAll(calls: readonly Call[]): Promise<Outcome[]> {
    return this.#ask<Outcome[]>(calls);
  }

  async stop(): Promise<void> {
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  #ask<T>(asked: unknown): Promise<T> {
    this.#child.stdin.write(`${JSON.stringify(asked)}\n`);
    return this.#next<T>();
  }

  async #next<T>(): Promise<T> {
    const line = await this.#lines.next();
    if (line.done) throw new Error('the Python process has ended');
    return JSON.parse(line.value) as T;
  }
}
