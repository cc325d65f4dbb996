import { readFile } from 'node:fs/promises';
import { restarts } from '../kit/agents.ts';
import { enforcedEverywhere, openPods } from '../kit/enforcement.ts';
import type { Answer } from '../kit/messages.ts';
import { storedAfter } from '../kit/stored.ts';
import { ROOT } from '../kit/platform.ts';
import { saidSeconds } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import { mustShow } from './narrator.ts';
import {
  COLLECTOR,
  NAME,
  NAMESPACE,
  observeTraffic,
  outcomes,
  RATE,
  SERVICE_URL,
  type Scene,
} from './scene.ts';

const SAMPLE = 'config/samples/circuit-breaker.yaml';
const LONG_OPEN =
  's/openDuration: .*/openDuration: 5m/; s/maxOpenDuration: .*/maxOpenDuration: 5m/';
const PODS = 3;

/** Figures for the summary. */
export interface Figures {
  openMs: number;
  enforcedMs: number;
  closedMs: number;
}

export async function healthy({ narrator, traffic }: Scene): Promise<void> {
  narrator.step('Healthy: traffic through the Service');
  await traffic.run({ url: SERVICE_URL, rate: RATE });
  narrator.say(`${RATE} requests per second to ${SERVICE_URL}/v1/messages`);
  const seen = await observeTraffic(traffic, 40);
  mustShow(
    Object.keys(seen.outcomes).join() === '200',
    `A healthy agent must answer 200 only; seen: ${outcomes(seen)}`,
  );
  narrator.good(outcomes(seen));
}

/** The model fails until the circuit of each pod is open. */
export async function modelFails({ narrator, agents, model, traffic }: Scene): Promise<number> {
  narrator.step('The model answers 529 overloaded, and the circuits open');
  const begun = performance.now();
  await model.setFault({ status: 529 });
  await agents.waitForBreaker(
    NAME,
    `Open in ${PODS}/${PODS} pods`,
    ({ status }) => status?.state === 'Open' && status.pods?.open === PODS,
  );
  const openMs = performance.now() - begun;
  narrator.good(
    `open in all pods, and visible here, ${openMs.toFixed(0)} ms after the model broke`,
  );
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE}`);
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE} -o wide`);
  await narrator.kubectl(`get agentdeployments -n ${NAMESPACE}`);
  const seen = await observeTraffic(traffic, 20);
  mustShow(
    (seen.outcomes['503 CircuitBreakerOpen'] ?? 0) > 0,
    `Open circuits must answer 503 CircuitBreakerOpen; seen: ${outcomes(seen)}`,
  );
  narrator.good(
    `clients hear so at once, instead of waiting for the model: ${outcomes(seen)}, retry-after ${Object.keys(seen.retryAfter).join(', ')} s`,
  );
  return openMs;
}

/** The Events about the open circuit. */
export async function eventsTell({ narrator, api }: Scene): Promise<void> {
  await waitFor(
    `an Event for CircuitBreakerPolicy ${NAME}`,
    () => api.list<PolicyEvent>('events', NAMESPACE),
    (events) => events.some(({ regarding }) => regarding?.kind === 'CircuitBreakerPolicy'),
    { timeoutMs: 10_000 },
  );
  await narrator.kubectl(
    `events -n ${NAMESPACE} --for circuitbreakerpolicy.v1alpha1.breakwater.dev/${NAME}`,
  );
}

interface PolicyEvent {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  regarding?: { kind?: string; name?: string };
}

function heldOpenLonger(answer: Answer): boolean {
  return answer.status === 503 && saidSeconds(answer) > 60;
}

/** An edited policy is enforced in each pod without a restart while circuits are open. */
export async function policyEdited(scene: Scene): Promise<number> {
  const { narrator, kubectl, agents, api } = scene;
  narrator.step('A policy edited by kubectl apply, live in every pod without a restart');
  const before = await agents.readyPods(NAME);
  mustShow(before.length === PODS, `There must be ${PODS} ready pods; seen: ${before.length}`);
  const pods = await openPods(scene.platform, NAMESPACE, before);
  const sample = await readFile(`${ROOT}${SAMPLE}`, 'utf8');
  const edited = sample
    .replace(/openDuration: .*/g, 'openDuration: 5m')
    .replace(/maxOpenDuration: .*/g, 'maxOpenDuration: 5m');
  const stored = await storedAfter(api, 'circuitbreakerpolicies', NAMESPACE, NAME);
  // Waits until the API server has the change, because requests before that would use up the rate limit.
  const measured = stored.at.then(async (at) => {
    const enforced = await enforcedEverywhere(
      pods,
      'the circuit stays open for more than a minute',
      heldOpenLonger,
      { timeoutMs: 20_000, everyMs: 3 },
    );
    return enforced - at;
  });
  const output = await kubectl.apply(edited);
  narrator.show(`sed '${LONG_OPEN}' ${SAMPLE} | kubectl apply -f -`, output);
  const milliseconds = await measured;
  for (const pod of pods) pod.close();
  narrator.good(
    `enforced in ${PODS} of ${PODS} pods ${milliseconds.toFixed(0)} ms after the API server took it, seen by an answered request in each pod`,
  );
  const after = await agents.readyPods(NAME);
  mustShow(
    JSON.stringify(restarts(after)) === JSON.stringify(restarts(before)),
    `The pods must be the same, with no restart; before: ${JSON.stringify(restarts(before))}, after: ${JSON.stringify(restarts(after))}`,
  );
  narrator.good('the same pods, no restart, and their circuits kept their state');
  await narrator.kubectl(`get pods -n ${NAMESPACE} -l breakwater.dev/agent=${NAME}`);
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE} -o wide`);
  return milliseconds;
}

/** The model recovers: half-open, then closed. */
export async function modelRecovers(scene: Scene): Promise<number> {
  const { narrator, kubectl, agents, model, traffic } = scene;
  narrator.step('The model recovers: half-open, then closed');
  await traffic.run(undefined);
  await model.setFault(undefined);
  narrator.say(
    'The model is well again, but the circuits are to stay open for minutes. No need to wait:',
  );
  const output = await kubectl.run(['apply', '-f', `${ROOT}${SAMPLE}`]);
  narrator.show(`kubectl apply -f ${SAMPLE}`, output);
  await agents.waitForBreaker(
    NAME,
    'HalfOpen',
    ({ status }) => status?.state === 'HalfOpen' && status.pods?.open === 0,
    70_000,
  );
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE}`);
  narrator.say('The next requests are probes; two good ones in a row close a circuit.');
  const begun = performance.now();
  await traffic.run({ url: SERVICE_URL, rate: RATE });
  const policy = await agents.waitForBreaker(
    NAME,
    `Closed in ${PODS}/${PODS} pods`,
    ({ status }) => status?.state === 'Closed' && status.pods?.closed === PODS,
  );
  const closedMs = performance.now() - begun;
  await narrator.kubectl(`get circuitbreakerpolicies -n ${NAMESPACE}`);
  const path = policy.status?.transitions
    ?.slice(0, 2 * PODS)
    .map(({ from, to }) => `${from}→${to}`);
  mustShow(
    path?.includes('HalfOpen→Closed') ?? false,
    `The last transitions must lead through half-open; seen: ${path?.join(', ')}`,
  );
  const seen = await observeTraffic(traffic, 20);
  mustShow(
    Object.keys(seen.outcomes).join() === '200',
    `With all circuits closed every request must be answered 200; seen: ${outcomes(seen)}`,
  );
  narrator.good(`closed again: ${outcomes(seen)}`);
  await traffic.run(undefined);
  return closedMs;
}

const TRACE_ID = 'x-breakwater-trace-id';

/** Sends a traced request whose first attempt fails. Returns the id of the trace, whose spans are sent within five seconds. */
export async function tracedRequest(scene: Scene): Promise<string> {
  const { narrator, kubectl, model, agents } = scene;
  narrator.step('One request, traced');
  const tracing = { endpoint: `http://${COLLECTOR.name}.${NAMESPACE}:${COLLECTOR.port}` };
  const patch = JSON.stringify({ spec: { telemetry: { tracing } } });
  const command = ['patch', 'agentdeployment', NAME, '-n', NAMESPACE, '--type', 'merge', '-p'];
  const output = await kubectl.run([...command, patch]);
  narrator.show(`kubectl ${command.join(' ')} '${patch}'`, output);
  const pods = await openPods(scene.platform, NAMESPACE, await agents.readyPods(NAME));
  try {
    await enforcedEverywhere(
      pods,
      'the answer is a good one and names its trace',
      ({ status, headers }) => status === 200 && headers[TRACE_ID] !== undefined,
      // The burst has used up the limit of a pod, which refills by ten a second.
      { timeoutMs: 20_000, everyMs: 200 },
    );
    narrator.say('Live in all pods. The model fails for a moment, and one request meets that:');
    await model.resetRequests();
    await model.setFault({ status: 529 });
    const answer = pods[0]!.send();
    await waitFor(
      'the model was asked',
      () => model.requests(),
      ({ total }) => total > 0,
      { everyMs: 10 },
    );
    await model.setFault(undefined);
    const { status, headers } = await answer;
    narrator.good(`answered ${status}, ${TRACE_ID}: ${String(headers[TRACE_ID])}`);
    return String(headers[TRACE_ID]);
  } finally {
    for (const pod of pods) pod.close();
  }
}

/** Shows the trace of that request as a tree. */
export async function traceShown({ narrator, traces }: Scene, traceId: string): Promise<void> {
  narrator.step('The trace of that request');
  await waitFor(
    `trace ${traceId} has arrived`,
    () => traces.list(),
    (all) => all.some((trace) => trace.traceId === traceId && trace.requestId !== undefined),
    { timeoutMs: 20_000 },
  );
  const collector = `/api/v1/namespaces/${NAMESPACE}/services/${COLLECTOR.name}:${COLLECTOR.port}`;
  const tree = await narrator.kubectl(`get --raw ${collector}/proxy/trees/${traceId}`);
  mustShow(
    tree.split('\n').filter((line) => line.includes('─ attempt ')).length > 1,
    `The tree must show each attempt; seen: ${tree}`,
  );
}

/** A burst above the rate limit. */
export async function rateLimited({ narrator, traffic, agents }: Scene): Promise<void> {
  narrator.step('The rate limit rejects what exceeds it');
  const limit = (await agents.limit(NAME)).spec.limits[0]!;
  const count = 3 * PODS * limit.capacity;
  narrator.say(
    `${count} requests at once; each of ${PODS} pods takes ${limit.capacity} and ${limit.refill.amount} more per ${limit.refill.per}`,
  );
  const seen = await traffic.burst({ url: SERVICE_URL, count, concurrency: 60 });
  mustShow(
    (seen.outcomes['429 RateLimited'] ?? 0) > 0 && (seen.outcomes['200'] ?? 0) > 0,
    `A burst must be served up to the limit, and rejected with 429 above it; seen: ${outcomes(seen)}`,
  );
  mustShow(Object.keys(seen.retryAfter).length > 0, 'A 429 must carry retry-after');
  narrator.good(`${outcomes(seen)}, retry-after ${Object.keys(seen.retryAfter).join(', ')} s`);
  await waitFor(
    `RateLimitPolicy ${NAME} is Limiting`,
    () => agents.limit(NAME),
    ({ status }) => status?.state === 'Limiting',
    { timeoutMs: 10_000 },
  );
  narrator.good(`kubectl shows it at once: RateLimitPolicy ${NAME} is Limiting`);
}
