import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { waitFor } from './wait.ts';

/** A sample of an instant query. */
export interface Found {
  metric: Record<string, string>;
  value: [time: number, value: string];
}

/** A real Prometheus as a process (Debian: prometheus), which scrapes one target four times a second. */
export class RealPrometheus {
  readonly #url: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(url: string, process: ChildProcess, directory: string) {
    this.#url = url;
    this.#process = process;
    this.#directory = directory;
  }

  /** Resolves when it has scraped the target, HOST:PORT, whose series get the labels. */
  static async start(target: string, labels: Record<string, string>): Promise<RealPrometheus> {
    const directory = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const address = `127.0.0.1:${await freePort()}`;
    const path = join(directory, 'prometheus.yml');
    const job = { job_name: 'agents', static_configs: [{ targets: [target], labels }] };
    const global = { scrape_interval: '250ms', scrape_timeout: '250ms' };
    await writeFile(path, stringify({ global, scrape_configs: [job] }));
    const args = [`--config.file=${path}`, `--storage.tsdb.path=${directory}/data`];
    const child = spawn('prometheus', [...args, `--web.listen-address=${address}`], {
      stdio: 'ignore',
    });
    const failed = once(child, 'error').then(([error]) => {
      throw new Error(`prometheus (Debian: apt-get install prometheus): ${String(error)}`);
    });
    const prometheus = new RealPrometheus(`http://${address}`, child, directory);
    const scraped = waitFor(
      'Prometheus has scraped its target',
      () => prometheus.query('up == 1').catch(() => []),
      (found) => found.length === 1,
      { timeoutMs: 30_000 },
    );
    await Promise.race([scraped, failed]);
    return prometheus;
  }

  /** What an instant query answers at present. Throws with what Prometheus says of a bad one. */
  async query(expression: string): Promise<Found[]> {
    const query = new URLSearchParams({ query: expression });
    const answer = await fetch(`${this.#url}/api/v1/query?${query.toString()}`);
    const { data, error } = (await answer.json()) as {
      data?: { result: Found[] };
      error?: string;
    };
    if (!data) throw new Error(`${expression}: ${error}`);
    return data.result;
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
