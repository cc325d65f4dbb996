/**
 * Measures the operator against a real API server; `make bench-operator`. Pods are kwok's and their
 * runtimes simulated, over real links with real tokens; the operator runs as its image has it.
 *
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
 * Usage: node test/bench/operator.ts [AGENTS...], by default 100 and 1000.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { say, step } from '../cluster/common/step.ts';
import { Bench, type Figure } from './operator/measure.ts';
import { bundleOperator } from '../kit/operator/operatorProcess.ts';
import { World } from './operator/world.ts';

const FULL = 1_000;

const sizes = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
const program = await bundleOperator(directory);
for (const agents of sizes.length > 0 ? sizes : [100, FULL]) {
  await measure(agents).catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
await rm(directory, { recursive: true, force: true });

async function measure(agents: number): Promise<void> {
  const full = agents === FULL;
  const world = await World.start();
  const bench = new Bench(agents, world, program, (figure) => print(figure, agents));
  const all: [string, () => Promise<void>][] = [
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
  ];
  try {
    for (const [title, work] of all) await step(`${title}, ${agents} agents`, work);
  } finally {
    await bench.close();
    await world.stop();
  }
}

/** Names of figures that do not hold the number of agents get it when it is not the full one. */
function print({ name, value, unit }: Figure, agents: number): void {
  const named = agents === FULL || name.includes(`_${agents}`) ? name : `${name}_of_${agents}`;
  process.stdout.write(`figure ${named} ${value.toFixed(value < 10 ? 3 : 1)} ${unit}\n`);
}
