import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { replaceFile } from '../../common/files.ts';
import type { Content } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import { hashContent } from '../../operator/desired/configuration/content.ts';
import type { LocalPlan } from './agentPlan.ts';
import { askState, type AgentState } from './agentState.ts';
import { freePort } from './freePort.ts';
import type { Environment } from './keys.ts';
import { Program } from './process.ts';
import type { RuntimeSettings } from './runtimeSettings.ts';

export interface AgentRunOptions {
  /** NAMESPACE/NAME. */
  id: string;
  name: string;
  /** Directory that stands for the root of the pod. */
  directory: string;
  /** The runtime's main module. */
  main: string;
  environment: Environment;
  /** First port to try for the agent. */
  port: number;
  /** First port to try for its metrics. 0: any free port. */
  metricsPort: number;
  settings: RuntimeSettings;
  /** Whether its models are simulated. */
  simulated: boolean;
  /** Prints a line about the agent. */
  say: (line: string) => void;
}

/** Variables that a runtime gets from the environment. It gets no others, such as keys. */
const PASSED = [
  ...['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_EXTRA_CA_CERTS'],
  ...['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'NO_PROXY', 'no_proxy'],
];

/** Time between an unexpected end and the next start, in milliseconds. */
const RESTART_MS = 1000;

/** One agent: its runtime in a separate process, with its files and its output. */
export class AgentRun {
  readonly #options: AgentRunOptions;
  #program: Program | undefined;
  #port: number | undefined;
  #debugPort: number | undefined;
  #metricsPort: number | undefined;
  #auth: Content['auth'];
  /** Of the endpoints, which all speak one protocol. */
  #provider = '';
  #counter = 0;
  /** Of the configuration that it should have. */
  hash: string | undefined;
  #inForce: string | undefined;
  #changedAt = 0;
  #refused: string | undefined;
  #redis: string | undefined;
  #sequence = 0;
  #restart: NodeJS.Timeout | undefined;
  #leaving = false;
  state: AgentState | undefined;

  constructor(options: AgentRunOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Address of the agent; undefined until it listens. */
  get url(): string | undefined {
    return this.#debugPort === undefined ? undefined : `http://localhost:${this.#port}`;
  }

  /** Whether its runtime has told whether it serves. */
  get settled(): boolean {
    return this.#inForce !== undefined || this.#refused !== undefined;
  }

  /** A page of its port for debugging or for metrics. Rejects without an answer. */
  async page(port: 'debug' | 'metrics', path: string): Promise<string> {
    const number = port === 'debug' ? this.#debugPort : this.#metricsPort;
    const response = await fetch(`http://127.0.0.1:${number}${path}`);
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.text();
  }

  get running(): boolean {
    return this.#program?.running ?? false;
  }

  /** The process of its runtime; undefined when none runs. */
  get pid(): number | undefined {
    return this.running ? this.#program?.pid : undefined;
  }

  /** Starts the runtime. Its configuration may come later. */
  async start(): Promise<void> {
    const { id, directory, main, environment, port, settings } = this.#options;
    const [namespace] = id.split('/');
    const configuration = join(directory, MOUNTS.configuration);
    await mkdir(configuration, { recursive: true, mode: 0o700 });
    if (this.#port === undefined) {
      this.#port = await freePort(port);
      if (this.#port !== port) {
        this.#options.say(`takes port ${this.#port}: another program has port ${port}`);
      }
    }
    const passed = [...PASSED, ...settings.passed].map((name) => [name, environment[name]]);
    const metricsPort =
      this.#options.metricsPort === 0 ? 0 : await freePort(this.#options.metricsPort);
    this.#program = new Program({
      main,
      flags: settings.flags,
      log: settings.log ?? this.logPath,
      environment: {
        ...(Object.fromEntries(passed.filter(([, value]) => value !== undefined)) as object),
        POD_NAMESPACE: namespace!,
        POD_NAME: this.name,
        ...(settings.host !== undefined && { BREAKWATER_HOST: settings.host }),
        BREAKWATER_AGENT_PORT: String(this.#port),
        BREAKWATER_METRICS_PORT: String(metricsPort),
        BREAKWATER_CONTROL_PORT: '0',
        BREAKWATER_DEBUG_PORT: '0',
        BREAKWATER_CONFIGURATION_DIRECTORY: configuration,
        BREAKWATER_TOKEN_DIRECTORY: directory,
      },
      onLine: (line) => this.#onLine(line),
      onExit: (how) => this.#onExit(how),
    });
  }

  /** Applies a plan. Writes keys first, so that the configuration finds them. */
  async apply({ content, files }: LocalPlan, noticedAt: number): Promise<void> {
    for (const [path, text] of files) await put(path, text);
    if (content !== undefined) await this.#configure(content, noticedAt);
  }

  /** Reads its state and prints changes. */
  async look(): Promise<void> {
    if (this.#debugPort === undefined) return;
    const state = await askState(`http://127.0.0.1:${this.#debugPort}`).catch(() => undefined);
    if (state === undefined) return;
    this.state = state;
    await this.#tellConfiguration(state);
    for (const { sequence, dependency, from, to, reason } of state.transitions) {
      if (sequence <= this.#sequence) continue;
      this.#sequence = sequence;
      this.#options.say(`${dependency} ${from} → ${to}: ${reason}`);
    }
  }

  /** Stops the runtime after its open requests, or at once with `force`. Resolves when it has ended. */
  async stop(force = false): Promise<void> {
    this.#leaving = true;
    clearTimeout(this.#restart);
    await this.#program?.stop(force ? 'SIGKILL' : 'SIGTERM');
  }

  /** The file with the lines of its log. */
  get logPath(): string {
    return join(this.#options.directory, 'runtime.log');
  }

  async #configure(content: Content, noticedAt: number): Promise<void> {
    const hash = hashContent(content);
    if (hash === this.hash) return;
    this.hash = hash;
    this.#auth = content.auth;
    this.#provider = content.endpoints[0]?.provider ?? '';
    this.#changedAt = noticedAt;
    this.#counter += 1;
    const configuration = { revision: { term: 1, counter: this.#counter }, hash, content };
    await put(
      join(this.#options.directory, MOUNTS.configuration, MOUNTS.configurationKey),
      JSON.stringify(configuration),
    );
    // Reads the state at once, because the next tick would add to the reported time.
    if (this.#inForce !== undefined) await this.look();
  }

  #onLine(line: string): void {
    if (line.includes('"Connection to Redis failed"')) this.#tellRedis(line);
    if (!line.includes('"Runtime started"')) return;
    const { ports } = JSON.parse(line) as { ports: { debug: number; metrics: number } };
    this.#debugPort = ports.debug;
    this.#metricsPort = ports.metrics;
    this.#sequence = 0;
    this.#inForce = undefined;
  }

  /** Prints once which address of Redis fails, and why. */
  #tellRedis(line: string): void {
    const { address, code } = JSON.parse(line) as { address: string; code: string };
    const told = `keeps no conversations: Redis at ${address} does not answer (${code})`;
    if (told !== this.#redis) this.#options.say(told);
    this.#redis = told;
  }

  #onExit(how: string): void {
    // Another program may just have taken the port.
    if (this.#debugPort === undefined) this.#port = undefined;
    this.#debugPort = undefined;
    if (this.#leaving) return;
    const log = this.#options.settings.log === undefined ? `; see ${this.logPath}` : '';
    this.#options.say(`ended unexpectedly with ${how} and is started again${log}`);
    this.#restart = setTimeout(() => void this.start(), RESTART_MS);
  }

  async #tellConfiguration({
    configuration: { hash, revision, refused },
  }: AgentState): Promise<void> {
    const why = refused?.message;
    if (why !== this.#refused) {
      this.#refused = why;
      if (why !== undefined) this.#options.say(`refused its configuration: ${why}`);
    }
    if (hash === undefined || hash === this.#inForce) return;
    const first = this.#inForce === undefined;
    this.#inForce = hash;
    if (first) {
      this.#options.say(`serves at ${this.url}`);
      this.#options.say(
        `metrics: http://localhost:${this.#metricsPort}/metrics  debug: http://127.0.0.1:${this.#debugPort}/debug/state`,
      );
      if (this.#options.simulated)
        this.#options.say(
          `ask it:  ${exampleOf(this.url!, this.#provider, await credentialOf(this.#auth))}`,
        );
    }
    if (first || revision === undefined) return;
    const ms = Math.max(1, Math.round(performance.now() - this.#changedAt));
    this.#options.say(
      `runs the changed configuration ${revision.counter} after ${ms} ms, with no restart`,
    );
  }
}

/** The option of curl for a client's credential, which names its file and does not show it; empty without auth. */
async function credentialOf(auth: Content['auth']): Promise<string> {
  if (auth === undefined || auth.type === 'None') return '';
  if (auth.apiKeys === undefined) return ' -H "authorization: Bearer $TOKEN"';
  const [client = 'CLIENT'] = await readdir(auth.apiKeys.path).catch(() => []);
  return ` -H "x-api-key: $(cat '${join(auth.apiKeys.path, client)}')"`;
}

/** A request as an example for users. */
function exampleOf(url: string, provider: string, credential: string): string {
  const body = {
    model: 'any',
    max_tokens: 64,
    messages: [{ role: 'user', content: 'Hello' }],
  };
  const path = provider === 'OpenAI' ? '/v1/chat/completions' : '/v1/messages';
  return `curl -i ${url}${path}${credential} -d '${JSON.stringify(body)}'`;
}

/** Replaces a file atomically. Only its owner may read it. */
async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, text);
}
