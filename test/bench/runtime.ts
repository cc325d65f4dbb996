/**
 * Measures what the runtime costs on the way to the model, side by side with other gateways in the same
 * run; `make bench-runtime`. Names as arguments choose gateways: node test/bench/runtime.ts bare breakwater
 *
 * The endpoint and the load share one core, each gateway has the other to itself. The answer is 1.1 KB
 * of JSON, or a stream of 25 events. Rounds in which all gateways take turns; the median counts.
 * throughput: requests per second at 32 connections.
 * added: latency less that of calling the endpoint directly, one call at a time (p50) and at 500
 * requests a second, sent when they are due (p99).
 * streams_1000: resident memory with 1,000 open streams. start: process start to ready.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from '../cluster/command.ts';
import { percentile } from '../kit/percentile.ts';
import { GATEWAYS, LOAD_CORE, direct } from './runtime/gateways.ts';
import type { Gateway } from './runtime/gateways.ts';
import type { Done, Job, Target } from './runtime/load.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const CONNECTIONS = 32;
const RATE = 500;
const SECONDS = 4;
const ONE_BY_ONE = 400;
const STREAMS = 1000;
const TICKS_PER_SECOND = 100;

interface Measured {
  throughput: number;
  /** Processor time of the gateway per request, in microseconds; absent for calls without one. */
  cpu?: number;
  p50: number;
  /** Absent for one that does not hold the rate. */
  p99?: number;
  /** Requests that were not answered well. */
  failed: number;
}

const PROMPT = 'Summarise the ticket and say who should have it. '.repeat(20);
const BODIES = { plain: body(false), streamed: body(true) };

function body(stream: boolean, hold = false): string {
  return JSON.stringify({
    model: 'claude-bench',
    max_tokens: 1024,
    ...(stream && { stream }),
    ...(hold && { hold }),
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

/** Undefined when no request was answered well. */
async function measure(load: Load, target: Target, pid?: number): Promise<Measured | undefined> {
  await load.run({ kind: 'Closed', target, connections: CONNECTIONS, seconds: 1 });
  const before = await cpuSeconds(pid);
  const closed = await load.run({
    kind: 'Closed',
    target,
    connections: CONNECTIONS,
    seconds: SECONDS,
  });
  const used = (await cpuSeconds(pid)) - before;
  const single = await load.run({ kind: 'OneByOne', target, count: ONE_BY_ONE });
  const failed = closed.failed + single.failed;
  const throughput = closed.perSecond!;
  if (throughput === 0 || single.latencies!.length === 0) return undefined;
  const cpu = pid === undefined ? {} : { cpu: (used * 1e6) / (throughput * SECONDS) };
  const p50 = percentile(single.latencies!, 50);
  if (throughput < RATE * 1.2) return { throughput, p50, failed, ...cpu };
  const rate = await load.run({ kind: 'Rate', target, perSecond: RATE, seconds: SECONDS });
  return { throughput, p50, failed, p99: percentile(rate.latencies!, 99), ...cpu };
}

/** Processor time that a process has used, its threads' included; 0 without one. */
async function cpuSeconds(pid: number | undefined): Promise<number> {
  if (pid === undefined) return 0;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Each figure by its median over the rounds. */
function medians(rounds: readonly Measured[]): Measured {
  const of = (pick: (one: Measured) => number | undefined): number =>
    percentile(
      rounds.map(pick).filter((value) => value !== undefined),
      50,
    );
  const held = rounds.some(({ p99 }) => p99 !== undefined);
  const through = rounds.some(({ cpu }) => cpu !== undefined);
  return {
    throughput: of(({ throughput }) => throughput),
    p50: of(({ p50 }) => p50),
    failed: rounds.reduce((sum, { failed }) => sum + failed, 0),
    ...(held && { p99: of(({ p99 }) => p99) }),
    ...(through && { cpu: of(({ cpu }) => cpu) }),
  };
}

/** Resident memory of a process, in MB. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024) / 1e6;
}

async function streams({ target, process: { pid } }: Gateway, load: Load): Promise<number> {
  const held = { ...target, body: body(true, true) };
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

type Results = Record<string, Measured>;

const PEERS: ReadonlySet<string> = new Set(['portkey', 'litellm']);

async function compare(load: Load, gateways: readonly Gateway[], text: string): Promise<Results> {
  const targets: Record<string, Target> = { direct: { ...direct(load.port), body: text } };
  const pids: Record<string, number | undefined> = {};
  for (const { name, target, process: child } of gateways) {
    targets[name] = { ...target, body: text };
    pids[name] = child.pid;
  }
  const rounds: Record<string, Measured[]> = {};
  for (let i = 0; i < ROUNDS; i += 1) {
    for (const [name, target] of Object.entries(targets)) {
      const measured = await measure(load, target, pids[name]);
      if (measured === undefined && PEERS.has(name)) {
        print(`${name}: no request was answered well`);
        delete targets[name];
        continue;
      }
      if (measured === undefined) throw new Error(`${name} failed all requests`);
      // Requests that peers fail are told beside their figures.
      if (measured.failed > 0 && !PEERS.has(name)) throw new Error(`${name} failed requests`);
      (rounds[name] ??= []).push(measured);
    }
  }
  return Object.fromEntries(Object.entries(rounds).map(([name, all]) => [name, medians(all)]));
}

function show(what: string, results: Results): void {
  print(`${what}:`);
  const { direct: floor } = results;
  for (const [name, { throughput, p50, p99, cpu = 0, failed }] of Object.entries(results)) {
    const added =
      name === 'direct'
        ? `p50 ${p50.toFixed(2)} ms`
        : `p50 +${(p50 - floor!.p50).toFixed(2)} ms, p99 at ${RATE}/s ${
            p99 === undefined ? 'not held' : `+${(p99 - floor!.p99!).toFixed(2)} ms`
          }, ${cpu.toFixed(0)} µs of processor time each`;
    const note = failed > 0 ? `; ${failed} requests failed` : '';
    print(`  ${name}: ${throughput.toFixed(0)}/s, ${added}${note}`);
  }
}

/** Ratios that could be measured with the gateways chosen; `suffix` for the names. */
function figures(results: Results, suffix: string): void {
  const { direct: floor, breakwater: ours, bare, portkey, litellm } = results;
  if (!ours) return;
  for (const [name, peer] of Object.entries({ bare, portkey, litellm })) {
    if (peer) figure(`throughput_vs_${name}${suffix}`, ours.throughput / peer.throughput, 'ratio');
  }
  const added = ({ p50 }: Measured): number => p50 - floor!.p50;
  if (bare) figure(`added_p50_vs_bare${suffix}`, added(ours) / added(bare), 'ratio');
  const peers = [portkey, litellm].flatMap((peer) => peer?.p99 ?? []);
  if (peers.length > 0) {
    const best = Math.min(...peers) - floor!.p99!;
    figure(`p99_vs_best_peer${suffix}`, (ours.p99! - floor!.p99!) / best, 'ratio');
  }
}

function figure(label: string, value: number, unit: string): void {
  print(`figure ${label} ${value.toPrecision(3)} ${unit}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  if (availableParallelism() < 2) throw new Error('this needs two cores: one for the load');
  const chosen = process.argv.slice(2);
  const names = chosen.length > 0 ? chosen : Object.keys(GATEWAYS);
  const unknown = names.filter((name) => !(name in GATEWAYS));
  if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}`);
  const root = join(import.meta.dirname, '../..');
  await run(process.execPath, ['esbuild.config.js', 'runtime'], { cwd: root });
  const load = await Load.start();
  const gateways = await startAll(names, load.port);
  try {
    const plain = await compare(load, gateways, BODIES.plain);
    show('not streamed', plain);
    const streamed = await compare(load, gateways, BODIES.streamed);
    show('streamed', streamed);
    figures(plain, '');
    figures(streamed, '_streamed');
    const ours = gateways.find(({ name }) => name === 'breakwater');
    if (!ours) return;
    figure('streams_1000', await streams(ours, load), 'MB');
    figure('start', ours.startMs, 'ms');
  } finally {
    for (const gateway of gateways) await gateway.stop();
    load.close();
  }
}

await main();
