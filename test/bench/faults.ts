/**
 * `make bench-faults` runs the sixteen faults of Failover Bench v0.1 on the Messages API, beside other gateways in the
 * same run. Arguments choose systems and faults: node test/bench/faults.ts breakwater S06 S07
 *
 * Every system has two retries, 30 s and its own defaults for the rest, and one fallback except Envoy, which writes no
 * other model into a request. All systems take the faults
 * at the same time, each with its own providers. The long faults run side by side because they only wait, the others
 * one after another.
 * In the table `2p/1f` is what the provider saw: attempts at the primary and at the fallback.
 * The bars are faults_fail 0, faults_pass 10, faults_rescued 12 and faults_lead 0. faults_lead is rescued − 3 × fails,
 * less the best value of another system.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../cluster/common/command.ts';
import { call } from './faults/call.ts';
import type { Call } from './faults/call.ts';
import { FAULTS } from './faults/catalogue.ts';
import type { Seen } from './faults/catalogue.ts';
import { judge } from './faults/judge.ts';
import type { Judgement, Verdict } from './faults/judge.ts';
import { PRIMARY, Provider } from './faults/provider.ts';
import type { Attempt } from './faults/provider.ts';
import { SYSTEMS } from './faults/systems.ts';
import type { Scene, System } from './faults/systems.ts';

/** Limit for the healthy request after a fault. */
const ALIVE_SECONDS = 10;

const VERDICTS: readonly Verdict[] = ['pass', 'partial', 'safe', 'fail'];
/**
 * Faults that a client survives without a gateway. Any other result means that the provider does not follow the
 * catalogue.
 */
const WITHOUT_GATEWAY = new Set(['S07', 'S10', 'S11', 'S13']);

interface Cell extends Judgement {
  seconds: number;
  attempts: Attempt[];
}

type Table = Map<string, Map<string, Cell>>;

/** Plays one fault to one system. */
async function runScene(system: System, scene: Scene, provider: Provider): Promise<Cell> {
  const { fault } = scene;
  const { count, everySeconds } = fault.sequence ?? { count: 1, everySeconds: 0 };
  const address = system.address(scene, 'Primary');
  const limit = system.clientSeconds === undefined ? {} : { givesUp: system.clientSeconds };
  const calls: Promise<Call & { sentAt: number }>[] = [];
  const began = performance.now();
  for (let i = 0; i < count; i += 1) {
    await sleep(Math.max(0, began + i * everySeconds * 1000 - performance.now()));
    const sentAt = (performance.now() - began) / 1000;
    const made = call(address, { maxSeconds: fault.maxSeconds, ...limit }).then((ended) => ({
      ...ended,
      sentAt,
    }));
    calls.push(made);
    await made;
  }
  const seen: Seen = {
    calls: await Promise.all(calls),
    // Copied now, so that the healthy request below is not counted.
    attempts: [...provider.attempts],
    alive: await isAlive(system, scene),
  };
  const seconds = Math.max(...seen.calls.map((each) => each.seconds));
  return { ...judge(fault, seen, system.hasFallback), seconds, attempts: seen.attempts };
}

async function isAlive(system: System, scene: Scene): Promise<boolean> {
  const address = system.address(scene, 'Healthy');
  const { outcome, complete } = await call(address, { maxSeconds: ALIVE_SECONDS, stream: false });
  return outcome === 'answer' && complete;
}

/** Starts a system with a provider for each fault. */
async function prepare(
  name: string,
  ids: ReadonlySet<string>,
): Promise<{ run: () => Promise<Map<string, Cell>>; stop: () => Promise<void> }> {
  const faults = FAULTS.filter(({ id }) => ids.has(id));
  const providers = await Promise.all(faults.map(({ script }) => Provider.start(script)));
  const scenes = faults.map((fault, i): Scene => ({ fault, port: providers[i]!.port }));
  const system = await SYSTEMS[name]!(scenes);
  return {
    run: async () => {
      const cells = new Map<string, Cell>();
      const bear = async (scene: Scene): Promise<void> => {
        const provider = providers[scenes.indexOf(scene)]!;
        cells.set(scene.fault.id, await runScene(system, scene, provider));
      };
      const long = scenes.filter(({ fault }) => fault.long).map(bear);
      for (const scene of scenes) if (!scene.fault.long) await bear(scene);
      await Promise.all(long);
      return cells;
    },
    stop: async () => {
      await system.stop();
      await Promise.all(providers.map((provider) => provider.stop()));
    },
  };
}

function cellText({ verdict, attempts, seconds }: Cell): string {
  const primary = attempts.filter(({ model }) => model === PRIMARY).length;
  const seen = `${primary}p/${attempts.length - primary}f`;
  return `${verdict.padEnd(8)}${seen.padEnd(8)}${seconds.toFixed(1)} s`;
}

function show(table: Table): void {
  const width = 26;
  print(
    ['', ...table.keys()]
      .map((name, i) => name.padEnd(i === 0 ? 54 : width))
      .join('')
      .trimEnd(),
  );
  const notes: string[] = [];
  for (const { id, title } of FAULTS) {
    const cells = [...table].flatMap(([name, row]) => {
      const cell = row.get(id);
      if (cell && cell.why !== '') notes.push(`  ${id} ${name}: ${cell.verdict}, ${cell.why}`);
      return cell ? [cellText(cell).padEnd(width)] : [];
    });
    if (cells.length > 0) print(`${`${id} ${title}`.padEnd(54)}${cells.join('')}`.trimEnd());
  }
  print('Why not pass:');
  for (const note of notes) print(note);
}

function count(row: ReadonlyMap<string, Cell>, verdict: Verdict): number {
  return [...row.values()].filter((cell) => cell.verdict === verdict).length;
}

function rescued(row: ReadonlyMap<string, Cell>): number {
  return count(row, 'pass') + count(row, 'partial');
}

function points(row: ReadonlyMap<string, Cell>): number {
  return rescued(row) - 3 * count(row, 'fail');
}

function figures(table: Table): void {
  for (const [name, row] of table) {
    const counts = VERDICTS.map((verdict) => `${verdict} ${count(row, verdict)}`).join(', ');
    print(`${name}: ${counts}; rescued − 3 × fails is ${points(row)}`);
  }
  const ours = table.get('breakwater');
  if (!ours) return;
  for (const verdict of VERDICTS) figure(verdict, count(ours, verdict));
  figure('rescued', rescued(ours));
  const peers = [...table].filter(([name]) => name !== 'breakwater' && name !== 'direct');
  if (peers.length === 0) return;
  figure('lead', points(ours) - Math.max(...peers.map(([, row]) => points(row))));
}

function figure(label: string, value: number): void {
  print(`figure faults_${label} ${value} scenarios`);
}

/** A provider that does not misbehave would flatter every system. */
function checkProvider(row: ReadonlyMap<string, Cell> | undefined): void {
  for (const [id, { verdict }] of row ?? []) {
    const expected = WITHOUT_GATEWAY.has(id) ? 'pass' : 'safe';
    if (verdict === expected) continue;
    throw new Error(`${id} without a gateway is ${verdict} instead of ${expected}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const chosen = new Set(process.argv.slice(2));
  const pick = (all: readonly string[]): string[] => {
    const some = all.filter((each) => chosen.has(each));
    return some.length > 0 ? some : [...all];
  };
  const names = pick(Object.keys(SYSTEMS));
  const ids = new Set(pick(FAULTS.map(({ id }) => id)));
  const root = join(import.meta.dirname, '../..');
  await run(process.execPath, ['esbuild.config.js', 'runtime'], { cwd: root });
  const prepared: Awaited<ReturnType<typeof prepare>>[] = [];
  try {
    // Each start uses the whole processor, so no fault begins before all systems have started.
    for (const name of names) prepared.push(await prepare(name, ids));
    const rows = await Promise.all(prepared.map((each) => each.run()));
    const table: Table = new Map(rows.map((row, i) => [names[i]!, row]));
    show(table);
    figures(table);
    checkProvider(table.get('direct'));
  } finally {
    await Promise.all(prepared.map((each) => each.stop()));
  }
}

await main();
