import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSpans } from '../../runtime/testing/collector.ts';
import type { ReceivedSpan } from '../../runtime/testing/collector.ts';
import { until } from '../../runtime/testing/until.ts';
import { binaries } from '../cluster/local/binaries.ts';
import { freePort } from '../cluster/common/freePort.ts';

/** Directory with otelcol: the OpenTelemetry Collector that takes OTLP and writes it to a file. */
export function collectorBinaries(): Promise<string> {
  return binaries({
    title: 'Building the OpenTelemetry Collector (first time only, about 2 minutes)',
    directory: join(import.meta.dirname, 'otelcol'),
    packages: ['.'],
  });
}

/** A real collector as a process. */
export class OtelCollector {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #directory: string;

  private constructor(url: string, process: ChildProcess, directory: string) {
    this.url = url;
    this.#process = process;
    this.#directory = directory;
  }

  /** Resolves when it takes spans. */
  static async start(): Promise<OtelCollector> {
    const program = join(await collectorBinaries(), 'otelcol');
    const directory = await mkdtemp(join(tmpdir(), 'otelcol-'));
    const address = `127.0.0.1:${await freePort()}`;
    const path = join(directory, 'config.yaml');
    await writeFile(path, configuration(address, join(directory, 'traces.json')));
    const child = spawn(program, ['--config', path], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const collector = new OtelCollector(`http://${address}`, child, directory);
    await until(() => said.includes('Everything is ready') || child.exitCode !== null, 30_000);
    if (child.exitCode !== null) throw new Error(`the collector did not start: ${said}`);
    return collector;
  }

  /** What it has written so far. */
  async spans(): Promise<ReceivedSpan[]> {
    const text = await readFile(join(this.#directory, 'traces.json'), 'utf8').catch(() => '');
    const lines = text.split('\n').slice(0, -1);
    return lines.flatMap((line) => readSpans(line));
  }

  /** Takes no more time for anything, as one that hangs. */
  hang(): void {
    this.#process.kill('SIGSTOP');
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const over = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await over;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function configuration(address: string, path: string): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: address } } } },
    exporters: { file: { path, flush_interval: '50ms' }, debug: {} },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { traces: { receivers: ['otlp'], exporters: ['file', 'debug'] } },
    },
  });
}
