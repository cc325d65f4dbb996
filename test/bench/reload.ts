/**
 * `make bench-reload` measures how long a policy takes to be in force, and an open circuit to be visible.
 *
 * reload: from just before a change of a RateLimitPolicy is sent to the API server until each of three pods has
 * answered a request under it. The bench sends each pod one request after another over a kept connection, so the
 * figure includes the way to the API server and to the pods. Circuits are open meanwhile, so that answers (429 when
 * limited, else 503) cost the machine little. Each edit waits for the status of the one before.
 * visible: from the answer whose failure opens a circuit in a pod until a watch of the policy shows that circuit open.
 */
import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { enforcedEverywhere } from '../kit/enforcement.ts';
import { preparePlatform } from '../kit/platform.ts';
import { saidSeconds } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import { percentile } from '../kit/percentile.ts';
import type { Scene } from './cluster/scene.ts';
import { AGENT, openScene } from './cluster/scene.ts';

const EDITS = 200;
const OPENINGS = 60;

const TIGHT = { name: 'requests', refill: { amount: 1, per: '1h' }, capacity: 1 };
const WIDE = { name: 'requests', refill: { amount: 1_000_000, per: '1s' }, capacity: 1000 };

/** Opens the circuit of each pod for longer than the measurement takes. */
async function openCircuits({ api, pods, namespace, model }: Scene): Promise<void> {
  await api.mergePatch('circuitbreakerpolicies', namespace, AGENT, {
    spec: { openDuration: '1h', maxOpenDuration: '1h' },
  });
  await model.setFault({ status: 529 });
  await enforcedEverywhere(
    pods,
    'its circuit is open for long',
    (answer) => answer.status === 503 && saidSeconds(answer) > 60,
  );
}

async function measureReload(scene: Scene): Promise<number[]> {
  const { api, pods, namespace } = scene;
  await openCircuits(scene);
  const samples: number[] = [];
  for (let edit = 0; edit < EDITS; edit++) {
    const tight = edit % 2 === 0;
    const started = performance.now();
    const sent = api.mergePatch('ratelimitpolicies', namespace, AGENT, {
      spec: { limits: [tight ? TIGHT : WIDE] },
    });
    const enforced = await enforcedEverywhere(
      pods,
      tight ? 'it is limited' : 'it is not limited',
      ({ status }) => (status === 429) === tight,
      { everyMs: 2 },
    );
    await sent;
    samples.push(enforced - started);
    await waitFor(
      'the status of the edit is written',
      () => scene.agents.limit(AGENT),
      ({ metadata, status }) =>
        status?.observedGeneration === metadata.generation &&
        status?.pods?.programmed === pods.length,
    );
  }
  return samples;
}

/** Follows the state of the policy by a watch. */
class StateWatch {
  #state = '';
  #waiting: { state: string; resolve: (at: number) => void } | undefined;

  async run(scene: Scene, signal: AbortSignal): Promise<void> {
    const watch = scene.api.watch<CircuitBreakerPolicy>('circuitbreakerpolicies', scene.namespace, {
      signal,
    });
    for await (const { object } of watch) {
      this.#state = object.status?.state ?? '';
      this.#settle(performance.now());
    }
  }

  #settle(now: number): void {
    if (this.#waiting?.state !== this.#state) return;
    this.#waiting.resolve(now);
    this.#waiting = undefined;
  }

  /** The time at which the watch shows this state, or now if it does already. */
  seen(state: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting = { state, resolve };
    this.#settle(performance.now());
    return promise;
  }
}

/** Opens the circuits of the pods one after another, each while all others are closed. */
async function measureVisible(scene: Scene): Promise<number[]> {
  const samples: number[] = [];
  const end = new AbortController();
  const watch = new StateWatch();
  const watching = watch.run(scene, end.signal);
  for (let opening = 0; opening < OPENINGS; opening++) {
    const pod = scene.pods[opening % scene.pods.length]!;
    await watch.seen('Closed');
    const seen = watch.seen('Open');
    await scene.model.setFault({ status: 529 });
    const opened = await pod.until('the model failed', ({ status }) => status === 529, {
      everyMs: 2,
    });
    samples.push((await seen) - opened);
    await scene.model.setFault(undefined);
    await pod.until('its circuit is closed again', ({ status }) => status === 200);
  }
  end.abort();
  await watching;
  return samples;
}

function print(name: string, samples: readonly number[]): void {
  for (const percent of [50, 99]) {
    const value = percentile(samples, percent).toFixed(1);
    process.stdout.write(`figure ${name}_p${percent} ${value} ms\n`);
  }
}

const scene = await openScene(await preparePlatform(process.env));
try {
  const visible = await measureVisible(scene);
  print('reload', await measureReload(scene));
  print('visible', visible);
} finally {
  await scene.close();
}
