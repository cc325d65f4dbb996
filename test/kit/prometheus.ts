import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Place } from '../cluster/aggregatedApi.ts';
import { waitFor } from './wait.ts';
import { freePort } from '../cluster/common/freePort.ts';

/** A sample of an instant query. */
export interface Found {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

/** An alert as Prometheus shows it. */
export interface ActiveAlert {
  labels: Record<string, string>;
  state: 'pending' | 'firing';
}

export interface PrometheusOptions {
  /** Jobs; see serviceMonitorJob. */
  jobs: object[];
  /** Number of targets after relabelling. */
  targets: number;
  /** Groups of rules, evaluated as often as targets are scraped. */
  groups?: object[];
  /** Where it runs. Default: this machine's loopback. */
  place?: Place;
}

/** A real Prometheus as a process (Debian: prometheus), which scrapes four times a second. */
export class RealPrometheus {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(url: string, process: ChildProcess, directory: string) {
    this.url = url;
    this.#process = process;
    this.#directory = directory;
  }

  /** Resolves when it has scraped its targets. */
  static async start({
    jobs,
    targets,
    groups = [],
    place = { prefix: [], address: '127.0.0.1' },
  }: PrometheusOptions): Promise<RealPrometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const address = `${place.address}:${await freePort()}`;
    const path = join(directory, 'prometheus.yml');
    const rules = join(directory, 'rules.yml');
    const global = {
      ...{ scrape_interval: '250ms', scrape_timeout: '250ms' },
      evaluation_interval: '250ms',
    };
    await writeFile(rules, stringify({ groups }));
    await writeFile(path, stringify({ global, rule_files: [rules], scrape_configs: jobs }));
    const args = [`--config.file=${path}`, `--storage.tsdb.path=${directory}/data`];
    const listen = `--web.listen-address=${address}`;
    const [program, ...rest] = [...place.prefix, 'prometheus', ...args, listen];
    const child = spawn(program, rest, { stdio: 'ignore' });
    const failed = once(child, 'error').then(([error]) => {
      throw new Error(`prometheus (Debian: apt-get install prometheus): ${String(error)}`);
    });
    const prometheus = new RealPrometheus(`http://${address}`, child, directory);
    const scraped = waitFor(
      'Prometheus has scraped its targets',
      () => prometheus.query('up == 1').catch(() => []),
      (found) => found.length === targets,
      { timeoutMs: 30_000 },
    );
    await Promise.race([scraped, failed]);
    return prometheus;
  }

  /** Result of an instant query, now or at a time in seconds since 1970. Throws with Prometheus' message for a bad query. */
  async query(expression: string, time?: number): Promise<Found[]> {
    const query = new URLSearchParams({ query: expression });
    if (time !== undefined) query.set('time', String(time));
    const answer = await fetch(`${this.url}/api/v1/query?${query.toString()}`);
    const { data, error } = (await answer.json()) as {
      data?: { result: Found[] };
      error?: string;
    };
    if (!data) throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  /** The pending and firing alerts. */
  async alerts(): Promise<ActiveAlert[]> {
    const answer = await fetch(`${this.url}/api/v1/alerts`);
    const { data } = (await answer.json()) as { data: { alerts: ActiveAlert[] } };
    return data.alerts;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    await rm(this.#directory, { recursive: true, force: true });
  }
}
