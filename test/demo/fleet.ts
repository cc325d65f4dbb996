import type { Pod } from '../kit/agents.ts';
import { openPods } from '../kit/enforcement.ts';
import { ROOT } from '../kit/platform.ts';
import { waitFor } from '../kit/wait.ts';
import { mustShow } from './narrator.ts';
import {
  NAME,
  NAMESPACE,
  observeTraffic,
  outcomes,
  RATE,
  SERVICE_URL,
  type Scene,
} from './scene.ts';

const SAMPLES = 'config/samples';
const PODS = 3;
const CAPACITY = 60;
const REQUESTS = { first: 180, other: 10 };
/** Further rounds for tokens that idle pods may hold. */
const MORE_ROUNDS = 5;
const OPEN_DURATION = '2s';

type Plural = 'ratelimitpolicies' | 'circuitbreakerpolicies';

async function patch({ narrator, kubectl }: Scene, resource: Plural, spec: object): Promise<void> {
  const command = [
    'patch',
    `${resource}.breakwater.dev`,
    NAME,
    '-n',
    NAMESPACE,
    '--type=merge',
    '-p',
  ];
  const text = JSON.stringify({ spec });
  narrator.show(`kubectl ${command.join(' ')} '${text}'`, await kubectl.run([...command, text]));
}

/** Waits until each pod has the last version of the policy. */
async function inForce({ api }: Scene, resource: Plural): Promise<void> {
  await waitFor(
    `${resource} ${NAME} is in force in all pods`,
    () => api.get<Policy>(resource, NAMESPACE, NAME),
    ({ metadata, status }) =>
      status?.observedGeneration === metadata.generation && status?.pods?.programmed === PODS,
    { everyMs: 50 },
  );
}

interface Policy {
  apiVersion: string;
  kind: string;
  metadata: { name: string; generation?: number };
  status?: { observedGeneration?: number; pods?: { programmed?: number } };
}

/** One limit for three pods. One of them gets almost all requests. */
export async function oneLimit(scene: Scene): Promise<void> {
  const { narrator, agents, traffic } = scene;
  narrator.step('One limit over all three pods, with no store to run');
  await patch(scene, 'ratelimitpolicies', {
    scope: 'Fleet',
    limits: [{ name: 'requests', refill: { amount: CAPACITY, per: '24h' }, capacity: CAPACITY }],
  });
  await inForce(scene, 'ratelimitpolicies');
  const pods = await readyPods(scene);
  const admitted = new Map<Pod, number>(pods.map((pod) => [pod, 0]));
  let refused = 0;
  const ask = async (pod: Pod, count: number): Promise<void> => {
    const url = `http://${pod.status!.podIP}:8080`;
    const seen = await traffic.burst({ url, count, concurrency: 20, keepAlive: true });
    admitted.set(pod, admitted.get(pod)! + (seen.outcomes['200'] ?? 0));
    refused += seen.outcomes['429 RateLimited'] ?? 0;
  };
  const { first, other } = REQUESTS;
  narrator.say(`${first} requests to one pod and ${other} to each of the others, all at once`);
  await Promise.all(pods.map((pod, index) => ask(pod, index === 0 ? first : other)));
  const sum = (): number => [...admitted.values()].reduce((total, count) => total + count, 0);
  for (let round = 0; round < MORE_ROUNDS && sum() < CAPACITY; round += 1) {
    for (const pod of pods) await ask(pod, 2);
  }
  const counts = `${[...admitted.values()].join(' + ')} = ${sum()}`;
  mustShow(
    sum() <= CAPACITY && sum() > 0,
    `The pods must admit ${CAPACITY} requests together; seen: ${counts}`,
  );
  // Leader and pods drop tokens after three seconds without a message, so that they never admit too many.
  const which = sum() === CAPACITY ? 'which is the limit' : 'within the limit, on a busy machine';
  narrator.good(`admitted ${counts}, ${which}; ${refused} × 429 RateLimited`);
  await waitFor(
    `RateLimitPolicy ${NAME} shows final figures`,
    () => agents.limit(NAME),
    ({ status }) => status?.summary?.rejected === refused && status.fleet !== undefined,
    { timeoutMs: 20_000 },
  );
  await narrator.kubectl(`get ratelimitpolicies.breakwater.dev -n ${NAMESPACE}`);
}

/** A circuit that the pods open together, although none of them has seen enough failures alone. */
export async function votes(scene: Scene): Promise<void> {
  const { narrator, kubectl, agents, model, traffic } = scene;
  narrator.step('Pods open a circuit by votes, and one of them probes');
  const limit = `${SAMPLES}/rate-limit.yaml`;
  narrator.show(`kubectl apply -f ${limit}`, await kubectl.run(['apply', '-f', `${ROOT}${limit}`]));
  await patch(scene, 'circuitbreakerpolicies', {
    scope: 'Fleet',
    openDuration: OPEN_DURATION,
    maxOpenDuration: OPEN_DURATION,
  });
  await Promise.all([
    inForce(scene, 'circuitbreakerpolicies'),
    inForce(scene, 'ratelimitpolicies'),
  ]);
  const pods = await openPods(scene.platform, NAMESPACE, await readyPods(scene));
  narrator.say('Each pod sees two failures, of the five in a row that open a circuit:');
  await model.setFault({ status: 529 });
  await Promise.all(pods.flatMap((pod) => [pod.send(), pod.send()]));
  for (const pod of pods) pod.close();
  await agents.waitForBreaker(
    NAME,
    'opened by the fleet in all pods',
    ({ status }) => status?.pods?.open === PODS && status.circuits?.[0]?.fleet?.state === 'Open',
  );
  await model.resetRequests();
  const begun = performance.now();
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE} -o wide`);
  await traffic.run({ url: SERVICE_URL, rate: RATE });
  const { total } = await waitFor(
    'a pod has probed',
    () => model.requests(),
    (seen) => seen.total > 0,
    { everyMs: 20 },
  );
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  mustShow(total === 1, `One pod must probe; seen: ${total} calls`);
  narrator.good(`in ${seconds} s one call has reached the model: the probe of one pod for all`);
  const seen = await observeTraffic(traffic, 10);
  narrator.good(`meanwhile the others answer at once: ${outcomes(seen)}`);
  await model.setFault(undefined);
  await agents.waitForBreaker(
    NAME,
    'closed by the fleet in all pods',
    ({ status }) =>
      status?.pods?.closed === PODS && status.circuits?.[0]?.fleet?.state === 'Closed',
  );
  await traffic.run(undefined);
  narrator.good('the model is well again, two probes succeed, and the circuits of all pods close');
  const breaker = `${SAMPLES}/circuit-breaker.yaml`;
  const output = await kubectl.run(['apply', '-f', `${ROOT}${breaker}`]);
  narrator.show(`kubectl apply -f ${breaker}`, output);
  await inForce(scene, 'circuitbreakerpolicies');
}

async function readyPods({ agents }: Scene): Promise<Pod[]> {
  const pods = await agents.readyPods(NAME);
  mustShow(pods.length === PODS, `There must be ${PODS} ready pods; seen: ${pods.length}`);
  return pods;
}
