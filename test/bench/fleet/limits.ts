/**
 * Plays two minutes under one limit of 1,000 requests/s to the real guards of 100 pods and the real decisions of a
 * leader, in virtual time. Clients send twice as many, 90 % of them to one pod.
 *
 * fleet_utilisation: what was admitted ÷ what one central bucket would have admitted.
 * fleet_overrun: the most tokens beyond capacity + rate × time.
 * _failover: the same while the leader gets SIGTERM every 20 s. The next leader has links to the pods 2.5 s later.
 * _killed: the same while the leader is killed every 40 s. The next leader has links 15 s later, as with the
 * operator's Lease.
 */
import type { Limit } from '../../../contract/generated/types.ts';
import { limitOf } from '../../../runtime/testing/guardFixture.ts';
import { overrun, Scene } from '../../fleet/scene.ts';
import type { SceneLeader } from '../../fleet/scene.ts';
import { VirtualTime } from '../../fleet/virtualTime.ts';

const PODS = 100;
const RATE = 1000;
const HOT_SHARE = 0.9;
const OVERLOAD = 2;
const RUN_MS = 120_000;

export interface LimitFigures {
  fleet_utilisation: number;
  fleet_overrun: number;
  fleet_utilisation_failover: number;
  fleet_overrun_failover: number;
  fleet_utilisation_killed: number;
  fleet_overrun_killed: number;
}

interface Ends {
  how: 'SIGTERM' | 'SIGKILL';
  everyMs: number;
  /** Until the next process leads. */
  gapMs: number;
}

export async function limitFigures(): Promise<LimitFigures> {
  const steady = await play();
  const failover = await play({ how: 'SIGTERM', everyMs: 20_000, gapMs: 2500 });
  const killed = await play({ how: 'SIGKILL', everyMs: 40_000, gapMs: 15_000 });
  return {
    fleet_utilisation: steady.utilisation,
    fleet_overrun: steady.overrun,
    fleet_utilisation_failover: failover.utilisation,
    fleet_overrun_failover: failover.overrun,
    fleet_utilisation_killed: killed.utilisation,
    fleet_overrun_killed: killed.overrun,
  };
}

async function play(ends?: Ends): Promise<{ utilisation: number; overrun: number }> {
  const time = new VirtualTime();
  const limit: Limit = limitOf({
    ...{ refill: { amount: RATE, perMs: 1000 }, capacity: RATE, onLimit: 'Reject' },
    // As the operator computes it: as many pods again can be ending, and one more comes with a rollout.
    fleet: {
      store: 'Leader',
      storeTimeoutMs: 250,
      withoutLeader: 'SafeShare',
      maxPods: 2 * PODS + 1,
    },
  });
  const scene = new Scene(time, { limits: [limit], pods: PODS });
  lead(scene, scene.elect(false), ends);
  await time.pass(1000);
  const [hot, ...cold] = scene.all;
  const perSecond = OVERLOAD * RATE;
  hot!.load(perSecond * HOT_SHARE);
  for (const pod of cold) pod.load((perSecond * (1 - HOT_SHARE)) / cold.length);
  await time.pass(RUN_MS);
  const admitted = scene.uses.reduce((sum, { tokens }) => sum + tokens, 0);
  const most = limit.capacity + (limit.refill.amount * RUN_MS) / limit.refill.perMs;
  return { utilisation: admitted / most, overrun: Math.round(overrun(scene.uses, limit)) };
}

function lead(scene: Scene, leader: SceneLeader, ends: Ends | undefined): void {
  if (ends === undefined) return;
  scene.time.after(ends.everyMs, () => {
    leader.stop(ends.how);
    scene.time.after(ends.gapMs, () => lead(scene, scene.elect(), ends));
  });
}
