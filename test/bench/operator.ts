/**
 * `make bench-operator` measures the operator with a real API server. The runtimes of pods are simulated, over real
 * links with real tokens. The operator runs as in its image.
 *
 * Parts 100 and 1000: that many agents in namespaces of 100, each with a policy. kwok plays the kubelet of the pods.
 * converge: from the start of the operator's process until its last write, with everything to do. The reference is a
 * pooled client that issues the same writes over as many connections with the same watches open. An API server gets
 * slower as it fills and ages, so each of the two has it alone, and the operator's time is the mean of one run before
 * the client's and one after it.
 * change: from just before a spec is sent until its status has observed it, at 20 a second. queue: how long keys wait
 * meanwhile.
 * reload: from just before a policy is sent until its pod enforces it, at 20 a second. edit: the part until the API
 * server has answered the edit. floor: without the operator, until a watch has shown such an edit and a ConfigMap is
 * applied after it.
 * visible: from a circuit's change in a pod until a watch of the policy shows it.
 * idle, steady: writes at the API server. rss: resident memory of the leader. takeover: until another process holds
 * the Lease.
 *
 * Part crowd: 5,000 agents in one namespace (see Crowd), in a container of 1 GiB.
 * warm: until the caches of a standby hold all objects.
 * takeover: from the end of the leader until the standby has links to all pods, and until it has nothing left to do.
 * edits: ten a second, of policies for one agent or for ten. edit_of_all: of the policy for all agents. These and
 * later figures are of one process.
 * eventloop_lag: how long its event loop was blocked, over its whole life. eventloop_own: the part in which it
 * computed, which a busy machine does not change.
 *
 * Part churn: 1,000 agents in one namespace while specs, policies, pods and circuits change, for MINUTES (60).
 * slope: growth of memory, without the first fifth of the time. heap: what remains after a full garbage collection.
 *
 * Usage: node test/bench/operator.ts [PART...], by default all of them. AGENTS sets the number of agents in crowd and
 * churn.
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

/** Adds the number of agents to the figure's name if it is not the full one and the name lacks it. */
function print({ name, ...figure }: Figure, agents: number): void {
  const named = agents === FULL || name.includes(`_${agents}`) ? name : `${name}_of_${agents}`;
  printFigure({ ...figure, name: named });
}

function printFigure({ name, value, unit }: Figure): void {
  process.stdout.write(`figure ${name} ${value.toFixed(value < 10 ? 3 : 1)} ${unit}\n`);
}
