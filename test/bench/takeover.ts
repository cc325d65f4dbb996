/**
 * `make bench-takeover` measures how a new leader links to its pods when some of them are dead. The pods are simulated
 * in a helper process, over real links with real tokens. Packets to a dead pod are lost. For each share of dead pods,
 * the bench kills the leader and a standby takes over.
 *
 * live_linked: from holding the Lease until all live pods are linked.
 * live_linked_vs_bare: that time ÷ the time of a client that only opens as many connections to the same pods, as many
 * at a time, and has as many tokens reviewed. The worst of all shares.
 * linked_cpu: processor time of the operator, or of that client, meanwhile. A busy machine changes it little.
 * live_linked_33_extra_s: with 33 % dead pods, less the same with 0 %.
 * false_status_writes: statuses of agents and policies that the new leader changed although nothing about their pods
 * had changed.
 * new_pod_linked_s: from Running until linked, the worst of several pods, with 33 % dead pods.
 *
 * Usage: node test/bench/takeover.ts [PODS], by default 3000.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { step } from '../cluster/common/step.ts';
import { bundleOperator } from '../kit/operator/operatorProcess.ts';
import { World } from './operator/world.ts';
import { TakeoverBench } from './takeover/measure.ts';

const SHARES = [0, 10, 33];
const NEW_PODS = 20;

const pods = Number(process.argv[2] ?? 3_000);
const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
const world = await World.start();
const bench = new TakeoverBench(world, await bundleOperator(directory), pods);

function figure(name: string, value: number, unit: string): void {
  process.stdout.write(`figure ${name} ${value.toFixed(unit === 'writes' ? 0 : 3)} ${unit}\n`);
}

try {
  await step(`Linking ${pods} pods`, () => bench.start());
  const linked = new Map<number, number>();
  let worst = 0;
  let writes = 0;
  for (const percent of SHARES) {
    await step(`Losing ${percent} % of the pods`, () => bench.lose(percent));
    const bare = await step('Linking a bare client', () => bench.bare());
    const takeover = await step('Taking over', () => bench.takeover());
    figure(`bare_linked_${percent}_s`, bare.seconds, 's');
    figure(`bare_linked_cpu_${percent}_s`, bare.cpuSeconds, 's');
    figure(`live_linked_${percent}_s`, takeover.seconds, 's');
    figure(`live_linked_cpu_${percent}_s`, takeover.cpuSeconds, 's');
    linked.set(percent, takeover.seconds);
    worst = Math.max(worst, takeover.seconds / bare.seconds);
    writes += takeover.falseWrites;
  }
  figure('live_linked_vs_bare', worst, 'x');
  figure('live_linked_33_extra_s', linked.get(33)! - linked.get(0)!, 's');
  figure('false_status_writes', writes, 'writes');
  const late = await step(`Linking ${NEW_PODS} new pods`, () => bench.newPods(NEW_PODS));
  figure('new_pod_linked_s', late, 's');
} finally {
  await bench.close();
  await world.stop();
  await rm(directory, { recursive: true, force: true });
}
