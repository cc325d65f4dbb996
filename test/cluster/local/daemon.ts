import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { which } from '../common/command.ts';
import { waitFor } from '../common/step.ts';

export interface DaemonOptions {
  /** Name of its pid file and its log. */
  name: string;
  /** The program and its arguments. */
  command: readonly string[];
  /** Directory of logs and pid files. */
  directory: string;
  env?: Readonly<Record<string, string>>;
  /** Content of files that the program reads when it starts. A change restarts it. */
  configuration?: string;
  /** Whether it outlives this process. If not, it ends with this process, even if that is killed. */
  outlives: boolean;
}

interface PidFile {
  pid: number;
  /** Start time in clock ticks since boot. A later process with the same id has a different one. */
  started: string;
  /** Hash of command line, environment and configuration. */
  key: string;
}

const STOP_TIMEOUT = 10_000;

/** A background process. A later run finds it by its pid file. */
export class Daemon {
  readonly log: string;
  readonly #options: DaemonOptions;
  readonly #pidFile: string;
  readonly #key: string;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.log = join(options.directory, `${options.name}.log`);
    this.#pidFile = join(options.directory, `${options.name}.pid`);
    const identity = [options.command, options.env ?? {}, options.configuration ?? ''];
    this.#key = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  }

  /** Starts the process unless it already runs with this key. Returns whether it did. */
  async start(): Promise<boolean> {
    const running = this.#running();
    if (running?.key === this.#key) return false;
    if (running !== undefined) await this.stop();
    mkdirSync(this.#options.directory, { recursive: true });
    const log = openSync(this.log, 'w');
    const [program, ...args] = this.#commandLine();
    const child = spawn(program!, args, {
      cwd: '/',
      detached: true,
      env: { ...process.env, ...this.#options.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('spawn', resolve);
    });
    const pid = child.pid!;
    const entry: PidFile = { pid, started: startTime(pid) ?? '', key: this.#key };
    writeFileSync(this.#pidFile, JSON.stringify(entry));
    child.unref();
    return true;
  }

  /** Waits for `ready`. Rejects with the end of the log if the process ends first. */
  async ready(timeout: number, ready: () => Promise<boolean> | boolean): Promise<void> {
    const { name } = this.#options;
    const check = async (): Promise<boolean> => {
      if (this.#running() === undefined) throw new Error(`${name} ended\n${this.#endOfLog()}`);
      return ready();
    };
    await waitFor(`${name} is not ready (log: ${this.log})`, timeout, check);
  }

  /** Sends `signal`, then ends the process by force. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const running = this.#running();
    if (running !== undefined) {
      const gone = (): boolean => this.#running() === undefined;
      kill(running.pid, signal);
      await waitFor(this.#options.name, STOP_TIMEOUT, gone).catch(() =>
        kill(running.pid, 'SIGKILL'),
      );
      await waitFor(`${this.#options.name} (pid ${running.pid}) does not end`, STOP_TIMEOUT, gone);
    }
    rmSync(this.#pidFile, { force: true });
  }

  #commandLine(): readonly string[] {
    if (this.#options.outlives) return this.#options.command;
    const setpriv = which('setpriv');
    return setpriv === undefined
      ? this.#options.command
      : [setpriv, '--pdeathsig', 'KILL', '--', ...this.#options.command];
  }

  #running(): PidFile | undefined {
    let entry: PidFile;
    try {
      entry = JSON.parse(readFileSync(this.#pidFile, 'utf8')) as PidFile;
    } catch {
      return undefined;
    }
    return startTime(entry.pid) === entry.started ? entry : undefined;
  }

  #endOfLog(): string {
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
  }
}

/** Ends all daemons with a pid file in the directory. */
export async function stopDaemons(directory: string): Promise<void> {
  const names = existsSync(directory) ? readdirSync(directory) : [];
  for (const file of names.filter((name) => name.endsWith('.pid')))
    await new Daemon({
      name: file.slice(0, -'.pid'.length),
      command: [],
      directory,
      outlives: true,
    }).stop('SIGKILL');
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

/** Start time of a process; undefined if it does not run or is a zombie. */
function startTime(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): the fields after the name in parentheses begin with the third, the state. The start time is the 22nd.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' && !hasThreads(pid) ? undefined : fields[19];
}

/** Whether a process whose first thread has ended still has others, which hold its ports. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}
