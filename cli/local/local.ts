import { watch, type FSWatcher } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readManifests } from '../manifests/files.ts';
import { Inventory, type Objects } from '../manifests/inventory.ts';
import { checks } from '../manifests/kinds.ts';
import { localPlans, type LocalPlan, type LocalPlans } from './agentPlan.ts';
import { AgentRun } from './agentRun.ts';
import type { Environment } from './keys.ts';
import { LocalWorld } from './localWorld.ts';
import { ON_THIS_COMPUTER, type RuntimeSettings } from './runtimeSettings.ts';
import type { Screen } from '../terminal/screen.ts';
import type { World } from '../view/world.ts';
import { SettledFiles } from './settledFiles.ts';
import { SimulatedModels } from './simulatedModels.ts';
import { table } from './table.ts';

/** Main modules of the programs that run beside this one. */
export interface Programs {
  runtime: string;
  simulator: string;
}

export interface LocalOptions {
  /** A manifest, or a directory with manifests. */
  path: string;
  simulate: boolean;
  /** Port of the first agent. Others get the next free ones. */
  port: number;
  programs: Programs;
  /** Default: ON_THIS_COMPUTER. */
  runtimes?: RuntimeSettings;
  environment: Environment;
  /** A new directory for the agents' files. It is removed at the end. */
  directory: string;
  /** Time without a write until a change of a file counts, in milliseconds. */
  quietMs: number;
  screen: Screen;
  date: () => Date;
  /** Called once when every agent serves, or has refused its configuration. */
  onSettled?: () => void;
}

/** Interval between two checks of the agents, and of files without notifications, in milliseconds. */
const LOOK_MS = 250;
const FILES_MS = 1000;

/** Runs the agents of some manifests on this computer, and follows changes of the files. */
export class Local {
  readonly #options: LocalOptions;
  readonly #inventory: Inventory;
  readonly #simulated: SimulatedModels | undefined;
  readonly #runs = new Map<string, AgentRun>();
  readonly #world = new LocalWorld();
  readonly #listeners = new Set<() => void>();
  #plans: LocalPlans = { agents: [], breakers: [], limits: [], problems: [] };
  #settled = false;
  #files: SettledFiles | undefined;
  #texts: ReadonlyMap<string, string> = new Map();
  #held: readonly string[] = [];
  #told = new Set<string>();
  readonly #noted = new Set<string>();
  #loading: Promise<void> = Promise.resolve();
  #queued = false;
  #stopping = false;
  #watcher: FSWatcher | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #nextLook: NodeJS.Timeout | undefined;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#inventory = new Inventory(checks(), options.date);
    const { PATH = '' } = options.environment;
    this.#simulated = options.simulate
      ? new SimulatedModels(options.programs.simulator, options.directory, { PATH }, (line) =>
          this.#say(line),
        )
      : undefined;
  }

  /** Agents by NAMESPACE/NAME. */
  get agents(): ReadonlyMap<string, AgentRun> {
    return this.#runs;
  }

  /** The objects of a cluster that would have these agents. */
  world(): World {
    this.#world.update(this.#plans, this.#runs, this.#options.date());
    return this.#world.world;
  }

  /** The accepted objects. */
  objects(): Objects {
    return this.#inventory.objects();
  }

  /** Calls `changed` at each change of the world until the function that it gives is called. */
  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  /** Resolves when every agent has been started. Rejects if the path does not exist. */
  async start(): Promise<void> {
    const { path, directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const manifests = await readManifests(path);
    this.#files = new SettledFiles(this.#options.quietMs, manifests);
    await this.#load(manifests);
    if (this.#runs.size === 0) this.#say(`No agent runs yet: put an AgentDeployment into ${path}`);
    this.#watch(manifests.has(path) ? dirname(path) : path);
    this.#timers.push(
      setInterval(() => void this.look(), LOOK_MS),
      setInterval(() => void this.reload(), FILES_MS),
    );
  }

  /** Applies changed files. Calls during a run cause one more run. */
  reload(): Promise<void> {
    if (this.#queued) return this.#loading;
    this.#queued = true;
    this.#loading = this.#loading.then(async () => {
      this.#queued = false;
      if (this.#stopping) return;
      const found = await readManifests(this.#options.path).catch(() => undefined);
      if (found !== undefined) await this.#takeUp(found);
    });
    return this.#loading;
  }

  /** Applies saved files, and schedules a check for files that are being written. */
  async #takeUp(found: ReadonlyMap<string, string>): Promise<void> {
    const { texts, held, lookAfterMs } = this.#files!.look(found, performance.now());
    for (const line of held) if (!this.#held.includes(line)) this.#say(line);
    this.#held = held;
    clearTimeout(this.#nextLook);
    if (lookAfterMs !== undefined) {
      this.#nextLook = setTimeout(() => void this.reload(), lookAfterMs);
    }
    if (!same(texts, this.#texts)) await this.#load(texts);
  }

  /** Reads and shows the state of every agent. */
  async look(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => run.look()));
    const { screen, date, onSettled } = this.#options;
    if (!this.#settled && [...this.#runs.values()].every((run) => run.settled)) {
      this.#settled = true;
      onSettled?.();
    }
    if (this.#listeners.size > 0 && this.#world.update(this.#plans, this.#runs, date())) {
      this.#listeners.forEach((changed) => changed());
    }
    if (!screen.live || this.#stopping) return;
    const rows = [...this.#runs.values()].map(({ name, url, state }) => ({
      name,
      ...(url !== undefined && { url }),
      ...(state !== undefined && { state }),
    }));
    screen.update(table(rows, date(), screen.width));
  }

  /** Stops the agents after their open requests, or at once with `force`. Resolves when all have ended. */
  async stop(force = false): Promise<void> {
    this.#stopping = true;
    this.#watcher?.close();
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#nextLook);
    if (!force) await this.#loading;
    await Promise.all([...this.#runs.values()].map((run) => run.stop(force)));
    await this.#simulated?.stop();
    // A runtime that has just started may still write there.
    await rm(this.#options.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #watch(directory: string): void {
    try {
      this.#watcher = watch(directory, () => void this.reload());
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Without watches, the timer still finds changes.
    }
  }

  async #load(texts: ReadonlyMap<string, string>): Promise<void> {
    const noticedAt = performance.now();
    this.#texts = texts;
    const { faults, ignored } = this.#inventory.load(texts);
    const objects = this.#inventory.objects();
    await this.#simulate(objects);
    this.#plans = localPlans(objects, this.#planContext());
    const { agents, problems } = this.#plans;
    this.#tell([
      ...faults.map(({ file, line, message }) => `${file}:${line}: ${message}`),
      ...problems,
      ...agents.flatMap((agent) => agent.problems),
      ...(ignored.length === 0 ? [] : [`Not of use here, so left aside: ${ignored.join(', ')}`]),
    ]);
    if (faults.length > 0 && this.#runs.size > 0) {
      this.#say('What is wrong is not taken up: the last good configuration stays in force.');
    }
    await this.#removeAllBut(new Set(agents.map(({ id }) => id)));
    for (const { id, notes } of agents) for (const note of notes) this.#note(`${id} ${note}`);
    for (const plan of agents) await this.#run(plan, noticedAt);
  }

  #planContext(): Parameters<typeof localPlans>[1] {
    const simulated = this.#simulated;
    return {
      environment: this.#options.environment,
      directoryOf: (id) => this.#directoryOf(id),
      // The runtime's own image has a root of its own.
      ownOutput: this.#options.runtimes === undefined,
      ...(simulated && { simulated: (id, endpoint) => simulated.url(id, endpoint)! }),
    };
  }

  async #simulate({ agents }: Objects): Promise<void> {
    const wanted = agents.flatMap(({ metadata: { namespace, name }, spec }) =>
      spec.model.endpoints.map((endpoint) => ({
        id: `${namespace}/${name}`,
        endpoint: endpoint.name,
      })),
    );
    for (const { id, endpoint, url } of (await this.#simulated?.want(wanted)) ?? []) {
      this.#say(`${id} model/${endpoint} is simulated at ${url}`);
      this.#say(`  break it:  curl -X PUT ${url}/control/fault -d '{"status": 529}'`);
      this.#say(`  mend it:   curl -X PUT ${url}/control/fault -d null`);
    }
    if (this.#simulated) for (const agent of agents) this.#tellOfTools(agent);
  }

  /** Notes that simulated models call tools only if configured, and then at the manifest's address. */
  #tellOfTools({ metadata: { namespace, name }, spec }: Objects['agents'][number]): void {
    const { tools = [], mcpServers = [] } = spec;
    const real = [
      ...tools.map((tool) => [`tool/${tool.name}`, tool.http.url]),
      ...mcpServers.map((server) => [`mcp/${server.name}`, server.url]),
    ];
    for (const [dependency, url] of real) {
      this.#note(`${namespace}/${name} ${dependency} is not simulated: it is called at ${url}`);
    }
  }

  /** Prints a line once. */
  #note(line: string): void {
    if (this.#noted.has(line)) return;
    this.#noted.add(line);
    this.#say(line);
  }

  async #run(plan: LocalPlan, noticedAt: number): Promise<void> {
    let run = this.#runs.get(plan.id);
    if (run === undefined) {
      if (plan.content === undefined) return;
      run = this.#newRun(plan);
      this.#runs.set(plan.id, run);
      await run.start();
      // Otherwise an agent would open its circuit before its model is up.
      await this.#simulated?.ready();
    }
    await run.apply(plan, noticedAt);
  }

  #newRun({ id, name }: LocalPlan): AgentRun {
    const { programs, environment, port, runtimes: settings = ON_THIS_COMPUTER } = this.#options;
    const { metricsPort } = settings;
    return new AgentRun({
      id,
      name,
      directory: this.#directoryOf(id),
      main: programs.runtime,
      environment,
      port: port + this.#runs.size,
      metricsPort: metricsPort === 0 ? 0 : metricsPort + this.#runs.size,
      settings,
      simulated: this.#simulated !== undefined,
      say: (line) => this.#say(`${id} ${line}`),
    });
  }

  async #removeAllBut(ids: ReadonlySet<string>): Promise<void> {
    for (const [id, run] of this.#runs) {
      if (ids.has(id)) continue;
      this.#runs.delete(id);
      this.#say(`${id} was taken out of the files and drains`);
      await run.stop();
    }
  }

  /** Prints a problem once, and again only if it has disappeared in between. */
  #tell(problems: readonly string[]): void {
    for (const problem of problems) if (!this.#told.has(problem)) this.#say(problem);
    const wrong = new Set(problems.map(subjectOf));
    const mended = [...this.#told].filter((problem) => !wrong.has(subjectOf(problem)));
    for (const problem of mended) this.#say(`Mended: ${problem}`);
    this.#told = new Set(problems);
  }

  #directoryOf(id: string): string {
    return join(this.#options.directory, ...id.split('/'));
  }

  #say(text: string): void {
    this.#options.screen.line(`${this.#options.date().toISOString().slice(11, 19)} ${text}`);
  }
}

/** Subject of a problem, such as FILE: KIND NAME: FIELD. Its line can move, and its reason can change. */
function subjectOf(problem: string): string {
  const [subject = problem] =
    /^(\S+: )?(\S+ \S+: )?\S+/.exec(problem.replace(/:\d+: /, ': ')) ?? [];
  return subject;
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([file, text]) => b.get(file) === text);
}
