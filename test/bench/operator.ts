/**
 * Measures the operator against a real API server; `make bench-operator`. Runtimes of pods are simulated, over real
 * links with real tokens; the operator runs as its image has it.
 *
 * Parts 100 and 1000: so many agents in namespaces of 100, each with a policy; pods are kwok's.
 * converge: from the start of the operator's process until its last write, with everything to do; against a pooled
 * client that issues the same writes over as many connections with the same watches open. An API server gets
 * slower as it fills and ages, so each has it to itself, and the operator's time is the mean of one run before the
 * client's and one after it. change: from just before a spec is sent until its status says that it was observed,
 * at 20 a second; queue: how long keys wait meanwhile. reload: from just before a policy is sent until its pod has
 * it in force, at 20 a second; edit: of that, until the API server has answered the edit; floor: until a watch has shown
 * one like it and a ConfigMap is applied after it, without the operator. visible: from a
 * circuit's change in a pod until a watch of the policy shows it. idle, steady: writes counted at the API server.
 * rss: resident memory of the leader. takeover: until another process holds the Lease.
 *
 * Part crowd: 5,000 agents in one namespace (see Crowd), in a container of 1 GiB. warm: until a standby's caches hold
 * all of it. takeover: from the end of the leader until the standby has linked itself to all pods, and until nothing is left
 * to do. edits: ten a second of policies for one agent or ten; edit_of_all: of the policy for all. What follows the
 * takeover is of one process. eventloop_lag: how long its event loop stood still, over its whole life; eventloop_own: the
 * part of that in which it computed, which holds on a busy machine too.
 *
 * Part churn: 1,000 agents in one namespace while all sorts of things change, for MINUTES (60). slope: of memory, the first
 * fifth of the time aside; heap: what is left after a full collection of garbage.
 *
 * Usage: node test/bench/operator.ts [PART...], by default all of them. AGENTS: how many there are in crowd and churn.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say, step } from '../cluster/common/step.ts';
import { churn } from './operator/churn.ts';
import { CrowdBench } from './operator/crowdBench.ts';
import { Bench, type Figure } from './operator/measure.ts';
import { bundleOperator } from '../kit/operator/operatorProcess.ts';
import { World } from './operator/world.ts';

const FULL = 1_000;
const PARTS: Readonly<Record<string, (world: World) => Promise<void>>> = {
  100: (world) => measure(100, world),
  1000: (world) => measure(FULL, world),
  crowd: (world) => measureCrowd(Number(process.env['AGENTS'] || 5_000), world),
  churn: (world) => measureChurn(Number(process.env['AGENTS'] || FULL), world),
};

const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
const program = await bundleOperator(directory);
const chosen = process.argv.slice(2);
for (const part of chosen.length > 0 ? chosen : Object.keys(PARTS)) {
  const work = PARTS[part];
  if (work === undefined) throw new Error(`parts are ${Object.keys(PARTS).join(', ')}`);
  const world = await World.start();
  try {
    await work(world);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    await world.stop();
  }
}
await rm(directory, { recursive: true, force: true });

async function measure(agents: number, world: World): Promise<void> {
  const full = agents === FULL;
  const bench = new Bench(agents, world, program, (figure) => print(figure, agents));
  await run(bench, agents, [
    ['Converging', () => bench.converge()],
    ['Linking', () => bench.link()],
    ['Changing specs', () => bench.change(600)],
    ['Editing policies', () => bench.reload(600)],
    ['Opening circuits', () => bench.visible(600)],
    ['Standing idle', () => bench.idle(60)],
    ['Under steady traffic', () => bench.steady(full ? 300 : 60)],
    ['Counting memory', () => bench.memory()],
    ['Taking over', () => bench.takeover()],
    ['Linking three pods of each', () => bench.linkedThrice()],
  ]);
}

async function measureCrowd(agents: number, world: World): Promise<void> {
  const bench = new CrowdBench(agents, world, program, ({ name, ...figure }) =>
    printFigure({ ...figure, name: name.includes(`_${agents}`) ? name : `${name}_of_${agents}` }),
  );
  await run(bench, agents, [
    ['Making them', () => bench.crowd.make()],
    ['Converging', () => bench.converge()],
    ['Making pods', () => bench.link()],
    ['Taking over', () => bench.takeOver()],
    ['Changing specs', () => bench.change(600)],
    ['Editing policies', () => bench.edit(300)],
    ['Editing the policy of all', () => bench.editAll()],
    ['Under steady traffic', () => bench.steady(agents >= FULL ? 300 : 30)],
    ['Counting memory', () => bench.memory()],
  ]);
}

async function measureChurn(agents: number, world: World): Promise<void> {
  const report = (figure: Figure): void => printFigure({ ...figure, name: `churn_${figure.name}` });
  const bench = new CrowdBench(agents, world, program, report);
  const minutes = Number(process.env['MINUTES'] || 60);
  await run(bench, agents, [
    ['Making them', () => bench.crowd.make()],
    ['Converging', () => bench.converge()],
    ['Making pods', () => bench.link()],
    ['Changing', () => churn(bench, minutes, report)],
    ['Counting memory', () => bench.memory()],
  ]);
}

async function run(
  bench: { close(): Promise<void> },
  agents: number,
  steps: [string, () => Promise<void>][],
): Promise<void> {
  try {
    for (const [title, work] of steps) await step(`${title}, ${agents} agents`, work);
  } finally {
    await bench.close();
  }
}

/** Names of figures that do not hold the number of agents get it when it is not the full one. */
function print({ name, ...figure }: Figure, agents: number): void {
  const named = agents === FULL || name.includes(`_${agents}`) ? name : `${name}_of_${agents}`;
  printFigure({ ...figure, name: named });
}

function printFigure({ name, value, unit }: Figure): void {
  process.stdout.write(`figure ${name} ${value.toFixed(value < 10 ? 3 : 1)} ${unit}\n`);
}
