import { fork, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';

export interface ProgramOptions {
  /** The program's main module. */
  main: string;
  arguments?: readonly string[];
  /** Flags for Node.js. */
  flags?: readonly string[];
  environment: Record<string, string>;
  /** Destination of its output: the path of a file, or a stream, which stays open. */
  log: string | Writable;
  /** Gets each line of its standard output. */
  onLine?: (line: string) => void;
  /** Called when it sends a message. */
  onMessage?: () => void;
  /** Called when it has ended, with the exit code or the signal. */
  onExit: (how: string) => void;
}

/** Runs a program of this package in a separate process, which ends with this one. */
export class Program {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(options: ProgramOptions) {
    const { log: target } = options;
    const log =
      typeof target === 'string' ? createWriteStream(target, { flags: 'a', mode: 0o600 }) : target;
    this.#child = fork(options.main, options.arguments ?? [], {
      env: options.environment,
      execArgv: ['--disable-warning=ExperimentalWarning', ...(options.flags ?? [])],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#exited = once(this.#child, 'exit');
    this.#child.stderr!.pipe(log, { end: false });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      log.write(`${line}\n`);
      options.onLine?.(line);
    });
    this.#child.on('message', () => options.onMessage?.());
    this.#child.once('exit', (code, signal) => {
      if (log !== target) log.end();
      options.onExit(signal ?? `code ${code}`);
    });
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Sends the signal and resolves when it has ended. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.running) return;
    this.#child.kill(signal);
    await this.#exited;
  }
}
