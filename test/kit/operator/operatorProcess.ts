import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { freePort } from '../../cluster/common/freePort.ts';
import { type Settings, settingsFrom } from '../../../operator/settings.ts';
import type { Access } from './access.ts';
import type { Question } from './process.ts';
import type { Stalls } from './stalls.ts';
import { Metrics } from './metrics.ts';

export const NAMESPACE = 'breakwater-system';
export const LEASE = 'breakwater-operator';
export const IMAGE = 'runtime:bench';
/** Heap in MiB that Node chooses under the chart's limit of 512 MiB. On a large machine it would choose more. */
const HEAP = 256;

/** Settings of the process in the operator's image. */
interface ImageSettings {
  flags: string[];
  environment: Record<string, string>;
}

/** @throws Error if the Dockerfile has no stage `operator` with an ENTRYPOINT */
function imageSettings(): ImageSettings {
  const file = readFileSync(join(import.meta.dirname, '../../../Dockerfile'), 'utf8');
  const stage = /^FROM .* AS operator$(.*?)(?=^FROM )/ms.exec(file)?.[1];
  const command = /^ENTRYPOINT (.*)$/m.exec(stage ?? '')?.[1];
  if (stage === undefined || command === undefined) throw new Error('No operator in Dockerfile');
  const settings = [...stage.matchAll(/^ENV (.*)$/gm)].flatMap(([, pairs]) => pairs!.split(' '));
  return {
    flags: (JSON.parse(command) as string[]).slice(1, -1),
    environment: Object.fromEntries(settings.map((pair) => pair.split('=') as [string, string])),
  };
}

/** Bundles the operator as for its image. Returns the path of the program. */
export async function bundleOperator(directory: string): Promise<string> {
  const outfile = join(directory, 'operator.mjs');
  const require = `import { createRequire as __createRequire } from 'node:module';
const require = __createRequire(import.meta.url);`;
  await build({
    entryPoints: [join(import.meta.dirname, 'process.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    banner: { js: require },
    minifySyntax: true,
    minifyWhitespace: true,
    // A comment with a character beyond Latin-1 doubles the memory of the text.
    legalComments: 'none',
    // As in the images: our code does not call what needs it.
    external: ['protobufjs/minimal'],
    logLevel: 'warning',
  });
  return outfile;
}

export interface OperatorPlace {
  program: string;
  access: Access;
  /** Directory of its log. */
  directory: string;
  /** Heap in MiB. Default: what Node chooses under the chart's limit. */
  heap?: number;
  /** Variables of its environment, as the chart sets them. */
  settings?: Record<string, string>;
}

/** A replica of the operator in its own process. */
export class OperatorProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #healthPort: number;
  /** Longest stall so far: each scrape restarts the operator's own measurement. */
  #lag = 0;

  private constructor(name: string, child: ChildProcess, ports: Settings['ports']) {
    this.name = name;
    this.#child = child;
    this.#port = ports.metrics;
    this.#healthPort = ports.health;
  }

  static async start(name: string, place: OperatorPlace): Promise<OperatorProcess> {
    const [metrics, health, debug] = [await freePort(), await freePort(), await freePort()];
    const settings = settingsFrom({
      POD_NAMESPACE: NAMESPACE,
      POD_NAME: name,
      RUNTIME_IMAGE: IMAGE,
      LEASE_NAME: LEASE,
      METRICS_PORT: String(metrics),
      HEALTH_PORT: String(health),
      DEBUG_PORT: String(debug),
      // The pod templates of benchmarks name a node.
      TENANCY_POD_TEMPLATE: 'Any',
      ...place.settings,
    });
    const log = openSync(join(place.directory, `${name}.log`), 'a');
    const { flags, environment } = imageSettings();
    const heap = `--max-old-space-size=${place.heap ?? HEAP}`;
    const child = spawn(process.execPath, [heap, ...flags, place.program], {
      env: {
        ...process.env,
        ...environment,
        BENCH: JSON.stringify({ access: place.access, settings }),
      },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    await once(child, 'spawn');
    return new OperatorProcess(name, child, settings.ports);
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Its metrics; undefined while it does not answer. */
  async metrics(): Promise<Metrics | undefined> {
    if (!this.running) throw new Error(`Operator ${this.name} ended; see its log`);
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}/metrics`);
      const metrics = new Metrics(await answer.text());
      this.#lag = Math.max(this.#lag, metrics.sum('nodejs_eventloop_lag_max_seconds'));
      return metrics;
    } catch {
      return undefined;
    }
  }

  /** Whether it reports that its caches are synced. */
  async ready(): Promise<boolean> {
    if (!this.running) throw new Error(`Operator ${this.name} ended; see its log`);
    try {
      return (await fetch(`http://127.0.0.1:${this.#healthPort}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  /** Stalls of its event loop since the last call or since its start. */
  async stalls(since: 'LastCall' | 'Start'): Promise<Stalls> {
    return this.#ask<Stalls>(since === 'Start' ? 'all stalls' : 'stalls');
  }

  /** Used heap after the last full garbage collection, in MiB; 0 before the first one. */
  async heapInUse(): Promise<number> {
    return this.#ask<number>('heap');
  }

  async #ask<T>(what: Question): Promise<T> {
    const answered = once(this.#child, 'message');
    this.#child.send(what);
    const [answer] = (await answered) as [T];
    return answer;
  }

  /** The longest stall of its event loop in ms, up to the last call of `metrics`. */
  get longestStallMs(): number {
    return this.#lag * 1000;
  }

  /** Resident memory now and at its peak, in MiB, by the kernel. */
  memory(): { now: number; peak: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const mib = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1024;
    return { now: mib('VmRSS'), peak: mib('VmHWM') };
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async end(name: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill(name);
    await exited;
  }
}
