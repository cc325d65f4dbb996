/**
 * Measures the operator under limits of the fleet: 1,000 agents with three pods each, over real links with the real
 * code of both sides. The guards of the pods run in another process, without the rest of the runtime. Each agent has a
 * limit of 10 requests/s. Each pod gets one request/s, for which its safe share is enough.
 *
 * fleet_operator_share: processor time of the operator's process per second.
 * fleet_operator_share_idle: the same without requests.
 * fleet_operator_share_strained: the same with five requests/s in each pod, more than the limit allows.
 * fleet_operator_share_base: the same without the limits.
 * fleet_messages …: messages about limits per second, in both directions.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { step, waitFor } from '../../cluster/common/step.ts';
import { bundleOperator } from '../../kit/operator/operatorProcess.ts';
import { LONG_MS, now } from '../operator/spans.ts';
import { World } from '../operator/world.ts';
import { PREFIX, TakeoverBench } from '../takeover/measure.ts';

const AGENTS = Number(process.env['AGENTS'] ?? 1000);
const PODS_PER_AGENT = 3;
const PODS = AGENTS * PODS_PER_AGENT;
const MEASURED_MS = 30_000;
/** By then the operator has written the statuses that follow from earlier changes. */
const QUIET_MS = 20_000;

export interface OperatorFigures {
  fleet_operator_share_base: number;
  fleet_operator_share_idle: number;
  fleet_operator_share: number;
  fleet_operator_share_strained: number;
  fleet_messages_idle: number;
  fleet_messages: number;
  fleet_messages_strained: number;
}

export async function operatorFigures(): Promise<OperatorFigures> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
  const world = await World.start();
  const bench = new TakeoverBench(world, await bundleOperator(directory), PODS, PODS_PER_AGENT);
  try {
    await step(`Linking ${PODS} pods`, () => bench.start());
    const base = await step('Without limits', () => measure(bench));
    await step('Limiting all agents', async () => {
      await world.makeLimits(PREFIX, AGENTS, 'Fleet');
      await waitFor('all pods leave their share to the leader', LONG_MS, () => isShared(bench));
    });
    const idle = await step('Under limits of the fleet, without requests', () => measure(bench));
    bench.runtimes.order({ type: 'calls', perSecond: 1 });
    const busy = await step('With requests', () => measure(bench));
    bench.runtimes.order({ type: 'calls', perSecond: 5 });
    const strained = await step('With more than the limits allow', () => measure(bench));
    return {
      fleet_operator_share_base: base.share,
      fleet_operator_share_idle: idle.share,
      fleet_operator_share: busy.share,
      fleet_operator_share_strained: strained.share,
      fleet_messages_idle: idle.messages,
      fleet_messages: busy.messages,
      fleet_messages_strained: strained.messages,
    };
  } finally {
    await bench.close();
    await world.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function isShared({ operator }: TakeoverBench): Promise<boolean> {
  const metrics = await operator.metrics();
  return metrics?.sum('breakwater_fleet_pods', { state: 'linked' }) === PODS;
}

interface Share {
  /** Seconds of processor time per second. */
  share: number;
  /** Messages per second. */
  messages: number;
}

async function measure({ operator, runtimes }: TakeoverBench): Promise<Share> {
  await pause(QUIET_MS);
  const at = async (): Promise<{ ms: number; cpu: number; messages: number }> => ({
    cpu: (await operator.metrics())!.sum('process_cpu_seconds_total'),
    messages: await runtimes.messages(),
    ms: now(),
  });
  const before = await at();
  await pause(MEASURED_MS);
  const after = await at();
  const seconds = (after.ms - before.ms) / 1000;
  return {
    share: (after.cpu - before.cpu) / seconds,
    messages: (after.messages - before.messages) / seconds,
  };
}
