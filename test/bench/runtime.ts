/**
 * `make bench-runtime` measures what the runtime costs on the way to the model, beside other gateways in the same run.
 * Arguments choose gateways: node test/bench/runtime.ts bare breakwater. The argument traces measures only what traces
 * and access lines cost.
 *
 * The endpoint and the load share one core, and each gateway has the other core alone. The answer is 1.1 KB of JSON,
 * or a stream of 25 events. All gateways take turns in many short rounds, because the speed of a machine changes by
 * the second. The median of the ratios of the rounds counts.
 * throughput: requests per second at 32 connections.
 * added: latency less that of calling the endpoint directly, one call at a time (p50), and at 500 requests a second
 * sent on time (p99).
 * event_cpu: processor time for an event of a long stream: 150 streams of 200 events, 10 ms apart.
 * streams_1000: resident memory with 1,000 open streams. start: from process start until ready, the median of five.
 * trace_0, trace_10, trace_100: throughput with that percentage of requests traced, against the same without tracing.
 * trace_memory: resident memory with all requests traced, less that with none. access_lines: throughput with an access
 * line per request, against none.
 * trace_off: throughput without tracing, against the bundle of another commit. BEFORE names its dist/runtime; without
 * BEFORE there is no such figure.
 * Each figure from trace_0 on has a second one, …_cpu: the same of processor time, which a busy machine changes less.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from '../cluster/common/command.ts';
import { percentile } from '../kit/percentile.ts';
import { GATEWAYS, direct, earlier, logged, traced } from './runtime/gateways.ts';
import { LOAD_CORE } from './runtime/processes.ts';
import type { Gateway } from './runtime/processes.ts';
import type { Done, Job, Target } from './runtime/load.ts';
import { PACED_EVENTS } from './runtime/endpoint.ts';

/** Rounds of throughput. */
const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
const SECONDS = 1;
/** Rounds of latency. */
const SLOW_ROUNDS = 3;
const SLOW_SECONDS = 3;
const CONNECTIONS = 32;
const RATE = 500;
const ONE_BY_ONE = 400;
const STREAMS = 1000;
const PACED_STREAMS = 150;
const PACED_ROUNDS = 3;
const TICKS_PER_SECOND = 100;

interface Measured {
  perSecond: number[];
  /** Processor time of the gateway per request, in microseconds; empty for calls without one. */
  cpu: number[];
  /** Median latency of each round in milliseconds. */
  p50: number[];
  /** Milliseconds. Empty if the gateway does not keep the rate. */
  p99: number[];
  /** Requests without a good answer. */
  failed: number;
}

/** A gateway, or the direct call, that takes its turn. */
interface Runner {
  name: string;
  target: Target;
  pid: number | undefined;
  measured: Measured;
}

const PROMPT = 'Summarise the ticket and say who should have it. '.repeat(20);
const BODIES = { plain: body(false), streamed: body(true), paced: body(true, 'paced') };

function body(stream: boolean, kind?: 'hold' | 'paced'): string {
  return JSON.stringify({
    model: 'claude-bench',
    max_tokens: 1024,
    ...(stream && { stream }),
    ...(kind && { [kind]: true }),
    messages: [{ role: 'user', content: PROMPT }],
  });
}

/** The process with the load and the endpoint. */
class Load {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(): Promise<Load> {
    const file = join(import.meta.dirname, 'runtime/load.ts');
    const child = spawn('taskset', ['-c', String(LOAD_CORE), process.execPath, file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const { port } = await once<{ port: number }>(child);
    return new Load(child, port);
  }

  async run(job: Job): Promise<Done> {
    this.#child.send(job);
    const done = await once<Done & { error?: string }>(this.#child);
    if (done.error !== undefined) throw new Error(done.error);
    return done;
  }

  close(): void {
    this.#child.disconnect();
  }
}

function once<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the load has ended'));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
}

/** Processor time of a process and its threads in seconds. 0 without a process. */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory of a process, in MB. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024) / 1e6;
}

async function streams({ target, process: { pid } }: Gateway, load: Load): Promise<number> {
  const held = { ...target, body: body(true, 'hold') };
  await load.run({ kind: 'Hold', target: held, streams: STREAMS });
  const megabytes = await residentMegabytes(pid!);
  await load.run({ kind: 'Release', target: held });
  return megabytes;
}

async function startAll(names: readonly string[], endpoint: number): Promise<Gateway[]> {
  const started: Gateway[] = [];
  for (const name of names) {
    const gateway = await GATEWAYS[name]!(endpoint);
    print(`${name}: ready after ${gateway.startMs.toFixed(0)} ms`);
    started.push(gateway);
  }
  return started;
}

/** Milliseconds from process start until ready, of several processes of ours one after another. */
async function starts(endpoint: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i += 1) {
    const gateway = await GATEWAYS['breakwater']!(endpoint);
    times.push(gateway.startMs);
    await gateway.stop();
  }
  return times;
}

type Results = Record<string, Measured>;

const STARTS = 5;
const PEERS: ReadonlySet<string> = new Set(['portkey', 'litellm', 'envoy', 'haproxy']);

/** Lets all gateways take turns, so that other load on the machine affects all alike. */
class Comparison {
  readonly #load: Load;
  readonly #runners: Runner[];

  constructor(load: Load, gateways: readonly Gateway[], text: string) {
    this.#load = load;
    const targets = gateways.map(({ name, target, process: { pid } }) => ({ name, target, pid }));
    const all = [{ name: 'direct', target: direct(load.port), pid: undefined }, ...targets];
    this.#runners = all.map(({ name, target, pid }) => ({
      name,
      target: { ...target, body: text },
      pid,
      measured: { perSecond: [], cpu: [], p50: [], p99: [], failed: 0 },
    }));
  }

  async run(): Promise<Results> {
    await this.#warmUp();
    for (let i = 0; i < ROUNDS; i += 1) await this.#each((runner) => this.#throughput(runner));
    for (let i = 0; i < SLOW_ROUNDS; i += 1) {
      await this.#each((runner) => this.#oneByOne(runner));
      await this.#each((runner) => this.#atRate(runner));
    }
    return Object.fromEntries(this.#runners.map(({ name, measured }) => [name, measured]));
  }

  /** Measures throughput only. */
  async throughput(): Promise<Results> {
    await this.#warmUp();
    for (let i = 0; i < ROUNDS; i += 1) await this.#each((runner) => this.#throughput(runner));
    return Object.fromEntries(this.#runners.map(({ name, measured }) => [name, measured]));
  }

  /** Measures processor time per event of long streams only. */
  async paced(): Promise<Results> {
    for (let i = 0; i < PACED_ROUNDS; i += 1) await this.#each((runner) => this.#paced(runner));
    return Object.fromEntries(this.#runners.map(({ name, measured }) => [name, measured]));
  }

  /** Leaves out peers that do not answer. */
  async #warmUp(): Promise<void> {
    for (const runner of [...this.#runners]) {
      const { name, target } = runner;
      const job = { kind: 'Closed', target, connections: CONNECTIONS, seconds: 2 } as const;
      const { perSecond } = await this.#load.run(job);
      if (perSecond! > 0) continue;
      if (!PEERS.has(name)) throw new Error(`${name} failed all requests`);
      print(`${name}: no request was answered well`);
      this.#runners.splice(this.#runners.indexOf(runner), 1);
    }
  }

  async #each(measure: (runner: Runner) => Promise<number>): Promise<void> {
    for (const runner of this.#runners) {
      const failed = await measure(runner);
      // Failed requests of peers are printed beside their figures.
      if (failed > 0 && !PEERS.has(runner.name)) throw new Error(`${runner.name} failed requests`);
      runner.measured.failed += failed;
    }
  }

  async #throughput({ target, pid, measured }: Runner): Promise<number> {
    const before = await cpuSeconds(pid);
    const job = { kind: 'Closed', target, connections: CONNECTIONS, seconds: SECONDS } as const;
    const { perSecond, failed } = await this.#load.run(job);
    const used = (await cpuSeconds(pid)) - before;
    measured.perSecond.push(perSecond!);
    if (pid !== undefined) measured.cpu.push((used * 1e6) / (perSecond! * SECONDS));
    return failed;
  }

  async #paced({ target, pid, measured }: Runner): Promise<number> {
    const before = await cpuSeconds(pid);
    const job = { kind: 'Paced', target, streams: PACED_STREAMS } as const;
    const { failed } = await this.#load.run(job);
    const used = (await cpuSeconds(pid)) - before;
    measured.cpu.push((used * 1e6) / (PACED_STREAMS * PACED_EVENTS));
    return failed;
  }

  async #oneByOne({ target, measured }: Runner): Promise<number> {
    const job = { kind: 'OneByOne', target, count: ONE_BY_ONE, seconds: SLOW_SECONDS } as const;
    const { latencies, failed } = await this.#load.run(job);
    if (latencies!.length > 0) measured.p50.push(percentile(latencies!, 50));
    return failed;
  }

  async #atRate({ target, measured }: Runner): Promise<number> {
    if (percentile(measured.perSecond, 50) < RATE * 1.2) return 0;
    const job = { kind: 'Rate', target, perSecond: RATE, seconds: SLOW_SECONDS } as const;
    const { latencies, failed } = await this.#load.run(job);
    if (latencies!.length > 0) measured.p99.push(percentile(latencies!, 99));
    return failed;
  }
}

function median(values: readonly number[]): number {
  return percentile([...values], 50);
}

/** Median of the ratios within each round. A slow phase of the machine affects both sides. */
function paired(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, i) => value / theirs[i]!));
}

function show(what: string, results: Results): void {
  print(`${what}:`);
  const { direct: floor } = results;
  for (const [name, measured] of Object.entries(results)) {
    const { perSecond, p50, cpu, failed } = measured;
    const parts = [
      `${median(perSecond).toFixed(0)}/s`,
      ...(p50.length > 0 ? [latency(name, measured, floor!)] : []),
      ...(cpu.length > 0 ? [`${median(cpu).toFixed(0)} µs of processor time each`] : []),
    ];
    const note = failed > 0 ? `; ${failed} requests failed` : '';
    print(`  ${name}: ${parts.join(', ')}${note}`);
  }
}

function latency(name: string, { p50, p99 }: Measured, floor: Measured): string {
  if (name === 'direct') return `p50 ${median(p50).toFixed(2)} ms`;
  const added = (median(p50) - median(floor.p50)).toFixed(2);
  const atRate =
    p99.length === 0 || floor.p99.length === 0
      ? 'not held'
      : `+${(median(p99) - median(floor.p99)).toFixed(2)} ms`;
  return `p50 +${added} ms, p99 at ${RATE}/s ${atRate}`;
}

/** Ratios between the chosen gateways. `suffix` belongs to their names. */
function figures(results: Results, suffix: string): void {
  const { direct: floor, breakwater: ours, bare, portkey, litellm, envoy, haproxy } = results;
  if (!ours) return;
  for (const [name, peer] of Object.entries({ bare, portkey, litellm, envoy, haproxy })) {
    if (!peer) continue;
    figure(`throughput_vs_${name}${suffix}`, paired(ours.perSecond, peer.perSecond), 'ratio');
  }
  const added = ({ p50 }: Measured): number[] => p50.map((ms, i) => ms - floor!.p50[i]!);
  if (bare) figure(`added_p50_vs_bare${suffix}`, paired(added(ours), added(bare)), 'ratio');
  const peers = [portkey, litellm].flatMap((peer) => (peer?.p99.length ? median(peer.p99) : []));
  if (peers.length > 0 && ours.p99.length > 0 && floor!.p99.length > 0) {
    const best = Math.min(...peers) - median(floor!.p99);
    figure(`p99_vs_best_peer${suffix}`, (median(ours.p99) - median(floor!.p99)) / best, 'ratio');
  }
}

function eventFigures(results: Results): void {
  const { breakwater: ours } = results;
  const peers = Object.entries(results).filter(
    ([name]) => name !== 'breakwater' && name !== 'direct',
  );
  print('events of long streams:');
  for (const [name, { cpu }] of Object.entries(results).filter(([name]) => name !== 'direct'))
    print(`  ${name}: ${median(cpu).toFixed(1)} µs of processor time each`);
  if (!ours) return;
  for (const [name, peer] of peers)
    figure(`event_cpu_vs_${name}`, paired(ours.cpu, peer.cpu), 'ratio');
}

function figure(label: string, value: number, unit: string): void {
  print(`figure ${label} ${value.toPrecision(3)} ${unit}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Percentages of traced requests. */
const TRACED = [0, 10, 100];

/** What traces and access lines cost, beside the same runtime without them. */
async function traces(load: Load): Promise<void> {
  const file = join(import.meta.dirname, 'runtime/collector.ts');
  const collector = spawn('taskset', ['-c', String(LOAD_CORE), process.execPath, file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { port: collectorPort } = await once<{ port: number }>(collector);
  const before = process.env['BEFORE'];
  const gateways: Gateway[] = [];
  try {
    gateways.push(await GATEWAYS['breakwater']!(load.port));
    for (const percent of TRACED) {
      const tracing = { collectorPort, ratio: percent / 100 };
      gateways.push(await traced(`trace_${percent}`, load.port, tracing));
    }
    gateways.push(await logged('access_lines', load.port));
    if (before !== undefined) gateways.push(await earlier(load.port, before));
    const results = await new Comparison(load, gateways, BODIES.plain).throughput();
    show('traces and access lines', results);
    const off = results['breakwater']!;
    if (before !== undefined) against('trace_off', off, results['before']!);
    for (const name of [...TRACED.map((percent) => `trace_${percent}`), 'access_lines'])
      against(name, results[name]!, off);
    const all = gateways.find(({ name }) => name === 'trace_100')!;
    const [with100, none] = [all, gateways[0]!].map((each) => residentMegabytes(each.process.pid!));
    figure('trace_memory', (await with100!) - (await none!), 'MB');
  } finally {
    for (const gateway of gateways) await gateway.stop();
    collector.disconnect();
  }
}

function against(name: string, ours: Measured, theirs: Measured): void {
  figure(name, paired(ours.perSecond, theirs.perSecond), 'ratio');
  figure(`${name}_cpu`, paired(theirs.cpu, ours.cpu), 'ratio');
}

async function main(): Promise<void> {
  if (availableParallelism() < 2) throw new Error('this needs two cores: one for the load');
  const chosen = process.argv.slice(2);
  const tracesOnly = chosen.length === 1 && chosen[0] === 'traces';
  const names = chosen.length > 0 ? chosen.filter(() => !tracesOnly) : Object.keys(GATEWAYS);
  const unknown = names.filter((name) => !(name in GATEWAYS));
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}`);
  const root = join(import.meta.dirname, '../..');
  await run(process.execPath, ['esbuild.config.js', 'runtime'], { cwd: root });
  const load = await Load.start();
  const gateways = await startAll(names, load.port);
  try {
    if (tracesOnly) return await traces(load);
    const plain = await new Comparison(load, gateways, BODIES.plain).run();
    show('not streamed', plain);
    const streamed = await new Comparison(load, gateways, BODIES.streamed).run();
    show('streamed', streamed);
    figures(plain, '');
    figures(streamed, '_streamed');
    eventFigures(await new Comparison(load, gateways, BODIES.paced).paced());
    const ours = gateways.find(({ name }) => name === 'breakwater');
    if (!ours) return;
    figure('streams_1000', await streams(ours, load), 'MB');
    figure('start', median(await starts(load.port)), 'ms');
    await traces(load);
  } finally {
    for (const gateway of gateways) await gateway.stop();
    load.close();
  }
}

await main();
