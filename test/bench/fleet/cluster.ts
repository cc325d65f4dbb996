/**
 * Limits an agent with six pods in a real cluster to 100 requests/s. Clients send twice as many, 90 % of them to one
 * pod.
 *
 * fleet_utilisation_cluster: requests that the pods admit ÷ requests that one central bucket admits.
 * fleet_overrun_cluster: requests that the pods admit beyond capacity + rate × time, in the worst window. A request counts
 * if its client knows that a pod admitted it within the window.
 * _failover: the same while the pod of the leader is deleted every 20 s, which sends it SIGTERM.
 * _killed: the same while the process of the leader is killed every 40 s.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { fleetOverrun, type Admitted } from './overrun.ts';
import { say, step } from '../../cluster/common/step.ts';
import { isReady, type Pod } from '../../kit/agents.ts';
import type { PodClient } from '../../kit/enforcement.ts';
import { killContainer } from '../../kit/kill.ts';
import {
  OPERATOR,
  OPERATOR_NAMESPACE,
  preparePlatform,
  type Platform,
} from '../../kit/platform.ts';
import { outcome } from '../../kit/traffic.ts';
import { waitFor } from '../../kit/wait.ts';
import { AGENT, openScene, type Scene } from '../cluster/scene.ts';

const PODS = 6;
const RATE = 100;
const OVERLOAD = 2;
/** One of ten requests goes to a pod other than the first. */
const COLD = 10;

export interface ClusterFigures {
  fleet_utilisation_cluster: number;
  fleet_overrun_cluster: number;
  fleet_utilisation_failover_cluster: number;
  fleet_overrun_failover_cluster: number;
  fleet_utilisation_killed_cluster: number;
  fleet_overrun_killed_cluster: number;
}

interface Ends {
  everyMs: number;
  end: (leader: Pod) => Promise<unknown>;
}

export async function clusterFigures(): Promise<ClusterFigures> {
  const platform = await preparePlatform(process.env);
  const limit = { name: 'requests', refill: { amount: RATE, per: '1s' }, capacity: RATE };
  const scene = await step(`An agent with ${PODS} pods`, () =>
    openScene(platform, { pods: PODS, limits: { scope: 'Fleet', limits: [limit] } }),
  );
  try {
    const steady = await step('One leader', () => play(scene, 60_000));
    const failover = await step('SIGTERM to the leader every 20 s', () =>
      play(scene, 80_000, { everyMs: 20_000, end: (leader) => remove(scene, leader) }),
    );
    const killed = await step('SIGKILL to the leader every 40 s', () =>
      play(scene, 80_000, { everyMs: 40_000, end: (leader) => kill(scene, platform, leader) }),
    );
    return {
      fleet_utilisation_cluster: steady.utilisation,
      fleet_overrun_cluster: steady.overrun,
      fleet_utilisation_failover_cluster: failover.utilisation,
      fleet_overrun_failover_cluster: failover.overrun,
      fleet_utilisation_killed_cluster: killed.utilisation,
      fleet_overrun_killed_cluster: killed.overrun,
    };
  } finally {
    await scene.close();
  }
}

function remove({ api }: Scene, { metadata }: Pod): Promise<unknown> {
  return api.remove('pods', OPERATOR_NAMESPACE, metadata.name);
}

function kill({ api }: Scene, { images }: Platform, leader: Pod): Promise<unknown> {
  return killContainer({ api, images }, leader, 'operator');
}

interface Played {
  utilisation: number;
  overrun: number;
}

/** Runs the load for `ms` and ends the leader in the middle of each period. */
async function play(scene: Scene, ms: number, ends?: Ends): Promise<Played> {
  await ready(scene);
  const load = new Load(scene.pods);
  const begun = performance.now();
  const until = (at: number): Promise<void> => pause(Math.max(0, begun + at - performance.now()));
  const running = load.run(ms);
  if (ends !== undefined) {
    for (let at = ends.everyMs / 2; at < ms; at += ends.everyMs) {
      await until(at);
      await ends.end(await leaderOf(scene));
    }
  }
  await running;
  say(
    Object.entries(load.outcomes)
      .map(([what, count]) => `${count} × ${what}`)
      .join(', '),
  );
  return {
    utilisation: load.admitted.length / (RATE + (RATE * ms) / 1000),
    overrun: fleetOverrun(load.admitted, { perMs: RATE / 1000, capacity: RATE }),
  };
}

/** Waits until two operators are ready, all pods share the limit, and the bucket is full. */
async function ready(scene: Scene): Promise<void> {
  await waitFor(
    'two operators are ready',
    () => operators(scene),
    (pods) => pods.length === 2,
    { timeoutMs: 90_000 },
  );
  await waitFor(
    'all pods share an unused limit',
    () => scene.agents.limit(AGENT),
    ({ status }) =>
      status?.fleet?.pods === `${PODS}/${PODS}` &&
      status.pods?.programmed === PODS &&
      status.summary?.used === '0%',
    { timeoutMs: 90_000 },
  );
}

async function operators({ api }: Scene): Promise<Pod[]> {
  const selector = `app.kubernetes.io/name=${OPERATOR}`;
  return (await api.list<Pod>('pods', OPERATOR_NAMESPACE, selector)).filter(isReady);
}

async function leaderOf(scene: Scene): Promise<Pod> {
  const held = async (): Promise<Pod | undefined> => {
    const lease = await scene.api.get<Lease>('leases', OPERATOR_NAMESPACE, OPERATOR);
    const holder = lease.spec.holderIdentity?.split('_')[0];
    return (await operators(scene)).find(({ metadata }) => metadata.name === holder);
  };
  const found = await waitFor('an operator leads', held, (pod) => pod !== undefined);
  return found!;
}

interface Lease {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { holderIdentity?: string };
}

/** Sends requests at an even rate, whether or not earlier ones are answered. */
class Load {
  readonly admitted: Admitted[] = [];
  readonly outcomes: Record<string, number> = {};
  readonly #pods: readonly PodClient[];

  constructor(pods: readonly PodClient[]) {
    this.#pods = pods;
  }

  async run(ms: number): Promise<void> {
    const begun = performance.now();
    const count = (RATE * OVERLOAD * ms) / 1000;
    const all: Promise<void>[] = [];
    for (let sent = 0; sent < count; sent += 1) {
      const due = begun + (sent * ms) / count;
      const left = due - performance.now();
      if (left > 0) await pause(left);
      all.push(this.#send(this.#podOf(sent)));
    }
    await Promise.all(all);
  }

  #podOf(request: number): PodClient {
    const [hot, ...cold] = this.#pods;
    return request % COLD === 0 ? cold[(request / COLD) % cold.length]! : hot!;
  }

  async #send(pod: PodClient): Promise<void> {
    const sent = performance.now();
    const answer = await pod.send();
    const what = outcome(answer);
    this.outcomes[what] = (this.outcomes[what] ?? 0) + 1;
    if (answer.status === 200) this.admitted.push({ sent, answered: performance.now() });
  }
}
