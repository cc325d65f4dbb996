import { join } from 'node:path';
import { unusedPort } from './freePort.ts';
import { Program } from './process.ts';

/** The simulated model of one endpoint. */
interface Simulated {
  id: string;
  endpoint: string;
  url: string;
}

/** Simulated models, one for each endpoint of each agent, so that each can have its own faults. */
export class SimulatedModels {
  readonly #main: string;
  readonly #directory: string;
  readonly #environment: Record<string, string>;
  readonly #programs: Program[] = [];
  readonly #models: Simulated[] = [];

  readonly #say: (line: string) => void;
  #ready: Promise<void> = Promise.resolve();
  #stopping = false;

  /** `main` is the program that serves them. Its log goes to the directory. */
  constructor(
    main: string,
    directory: string,
    environment: Record<string, string>,
    say: (line: string) => void,
  ) {
    this.#say = say;
    this.#main = main;
    this.#directory = directory;
    this.#environment = environment;
  }

  get models(): readonly Simulated[] {
    return this.#models;
  }

  /** Address of the model; undefined if it was not requested. */
  url(id: string, endpoint: string): string | undefined {
    return this.#models.find((model) => model.id === id && model.endpoint === endpoint)?.url;
  }

  /** Resolves when all answer or have failed to start. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Starts those of the models that do not run yet, and returns them. `ready` waits for them. */
  async want(wanted: readonly Omit<Simulated, 'url'>[]): Promise<Simulated[]> {
    const missing = wanted.filter(({ id, endpoint }) => this.url(id, endpoint) === undefined);
    if (missing.length === 0) return [];
    const ports = await Promise.all(missing.map(() => unusedPort()));
    const logPath = join(this.#directory, 'simulated.log');
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ready = promise;
    this.#programs.push(
      new Program({
        main: this.#main,
        arguments: ports.map(String),
        environment: this.#environment,
        log: logPath,
        onMessage: resolve,
        onExit: (how) => {
          resolve();
          this.#onExit(`ended with ${how}; see ${logPath}`);
        },
      }),
    );
    const started = missing.map((each, index) => ({
      ...each,
      url: `http://127.0.0.1:${ports[index]!}`,
    }));
    this.#models.push(...started);
    return started;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#programs.map((program) => program.stop('SIGKILL')));
  }

  #onExit(how: string): void {
    if (!this.#stopping) this.#say(`The simulated model ${how}`);
  }
}
