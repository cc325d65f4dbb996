import { connect } from 'node:net';
import { Agent } from 'undici';
import type { Logger } from 'pino';
import type { Program, ProgramStatus } from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';

export interface MonitorDeps {
  program: Pick<Program, 'port' | 'health'>;
  /** Address of the pod; a loopback address outside of pods. */
  self: string;
  clock: Clock;
  /** The program answers again, or no longer. */
  onChange: (up: boolean) => void;
  log: Logger;
}

/** Time between two looks at a program that answers, and at one that does not, in milliseconds. */
export const PROGRAM_LOOK_MS = { up: 5000, down: 250 } as const;
/** Time that a program has to answer a look, in milliseconds. */
const ANSWER_MS = 2000;
/** Time to connect to the program's port at the pod's address, in milliseconds. */
const CONNECT_MS = 500;

/** Addresses that only processes of the pod reach. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1']);

/** Whether the program answers, as seen over loopback. */
export class Monitor {
  readonly #deps: MonitorDeps;
  readonly #agent = new Agent({ pipelining: 0 });
  readonly #closed = new AbortController();
  #state: ProgramStatus['state'] = 'Starting';
  #since: string;
  #exposed = false;
  #cancel: (() => void) | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: MonitorDeps) {
    this.#deps = deps;
    this.#since = deps.clock.date().toISOString();
    void this.look();
  }

  get up(): boolean {
    return this.#state === 'Serving';
  }

  get status(): Pick<ProgramStatus, 'state' | 'since' | 'exposed'> {
    return {
      ...{ state: this.#state, since: this.#since },
      ...(this.#exposed && { exposed: true }),
    };
  }

  /** Looks now; callers share one look. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#cancel?.();
    await this.#agent.destroy();
  }

  async #look(): Promise<void> {
    this.#cancel?.();
    const answers = await this.#answers();
    if (this.#closed.signal.aborted) return;
    if (answers) this.#exposed = await this.#isExposed();
    this.#note(answers);
    const ms = answers ? PROGRAM_LOOK_MS.up : PROGRAM_LOOK_MS.down;
    if (!this.#closed.signal.aborted) {
      this.#cancel = this.#deps.clock.setTimer(ms, () => void this.look());
    }
  }

  #note(answers: boolean): void {
    const state = answers ? 'Serving' : this.#state === 'Starting' ? 'Starting' : 'Silent';
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#deps.clock.date().toISOString();
    const { log, onChange } = this.#deps;
    if (answers) log.info('Program answers');
    else log.warn('Program does not answer');
    onChange(answers);
  }

  async #answers(): Promise<boolean> {
    const { port, health } = this.#deps.program;
    try {
      const { statusCode, body } = await this.#agent.request({
        origin: `http://127.0.0.1:${port}`,
        path: health?.path ?? '/',
        method: 'GET',
        signal: AbortSignal.any([this.#closed.signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      body.on('error', () => undefined).destroy();
      return health === undefined || (statusCode >= 200 && statusCode < 400);
    } catch {
      return false;
    }
  }

  /** Whether others than this pod could reach the program without the runtime. */
  async #isExposed(): Promise<boolean> {
    const { self: host, program } = this.#deps;
    if (LOOPBACK.has(host)) return false;
    const socket = connect({ host, port: program.port });
    socket.setTimeout(CONNECT_MS);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('timeout', () => resolve(false));
    const exposed = await promise;
    socket.destroy();
    if (exposed && !this.#exposed) {
      this.#deps.log.warn(
        'Program listens on an address of the pod: have it listen on 127.0.0.1, as HOST says',
      );
    }
    return exposed;
  }
}
