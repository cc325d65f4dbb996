import { Agents } from '../kit/agents.ts';
import { Api } from '../kit/api.ts';
import { HELM_ARGUMENTS, ROOT, type Platform } from '../kit/platform.ts';
import { simulatorPod, simulatorService, type Placement } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import { isReady, type Pod } from '../kit/agents.ts';
import type { Narrator } from './narrator.ts';
import {
  COLLECTOR,
  NAME,
  NAMESPACE,
  RATE,
  remotes,
  SERVICE_URL,
  TRAFFIC,
  type Scene,
} from './scene.ts';

const SAMPLES = `${ROOT}config/samples`;

/** Replaces a pod of the simulator's image. */
export async function helperPod(
  api: Api,
  platform: Platform,
  place: Omit<Placement, 'image'>,
  role: string,
): Promise<void> {
  const { name } = place;
  const pod = simulatorPod({ ...place, image: platform.images.simulator }, [role]);
  await api.remove('pods', NAMESPACE, name, { gracePeriodSeconds: 0 });
  await waitFor(
    `the ${name} pod of an earlier run is gone`,
    () => api.find('pods', NAMESPACE, name),
    (found) => found === undefined,
  );
  await platform.kubectl.apply(JSON.stringify(pod));
  await waitFor(`the ${name} pod is ready`, () => api.get<Pod>('pods', NAMESPACE, name), isReady, {
    timeoutMs: 60_000,
  });
}

/** Runs the simulated model with the image of this checkout. */
export async function currentModel({ kubectl, images }: Platform): Promise<void> {
  const model = ['-n', NAMESPACE, 'deployment/model'];
  await kubectl.run(['set', 'image', ...model, `model=${images.simulator}`]);
  await kubectl.run(['rollout', 'status', ...model, '--timeout', '90s']);
}

async function collector(api: Api, platform: Platform): Promise<void> {
  const service = simulatorService({ ...COLLECTOR, image: '' });
  await platform.kubectl.apply(JSON.stringify(service));
  await helperPod(api, platform, COLLECTOR, 'traces');
}

/** Closes circuits that an earlier run has left open by sending successful traffic. */
async function closeCircuits({ agents, traffic, model, narrator }: Scene): Promise<void> {
  await model.setFault(undefined);
  if ((await agents.breaker(NAME)).status?.state === 'Closed') return;
  narrator.say('An earlier run left circuits open; waiting until probes have closed them.');
  await traffic.run({ url: SERVICE_URL, rate: RATE });
  await agents.waitForBreaker(NAME, 'Closed', ({ status }) => status?.state === 'Closed', 90_000);
  await traffic.run(undefined);
}

/** Waits for the Service, which refuses connections until its node knows the pods. */
async function waitForService({ traffic }: Scene): Promise<void> {
  const count = 10;
  await waitFor(
    `the Service ${SERVICE_URL} leads to the pods`,
    () => traffic.burst({ url: SERVICE_URL, count, concurrency: 2 }),
    ({ outcomes }) => Object.keys(outcomes).every((outcome) => !outcome.startsWith('failed')),
  );
}

/** Applies config/samples and waits until agent, policies, model and traffic generator are ready. */
export async function setUp(platform: Platform, narrator: Narrator): Promise<Scene> {
  const { kubectl, images } = platform;
  narrator.step('The operator, installed by Helm');
  narrator.show(`helm ${HELM_ARGUMENTS.join(' ')} …`, images.operator);
  await narrator.kubectl('get deployments,pods,leases -n breakwater-system');

  narrator.step('An agent with three pods, a circuit breaker and a rate limit');
  const api = await Api.connect(kubectl);
  const scene: Scene = {
    platform,
    kubectl,
    api,
    agents: new Agents(api, NAMESPACE),
    narrator,
    ...remotes(api),
  };
  narrator.show('kubectl apply -k config/samples', await kubectl.run(['apply', '-k', SAMPLES]));
  // An earlier run may have turned it on. On a small machine, traced pods serve the burst more slowly than the rate
  // limit refills.
  const untraced = JSON.stringify({ spec: { telemetry: { tracing: null } } });
  await kubectl.run([
    ...['patch', 'agentdeployment', NAME, '-n', NAMESPACE, '--type', 'merge', '-p', untraced],
  ]);
  const begun = performance.now();
  await Promise.all([
    helperPod(api, platform, TRAFFIC, 'traffic'),
    collector(api, platform),
    currentModel(platform),
    scene.agents.waitForAgent(NAME, 90_000),
  ]);
  await waitForService(scene);
  narrator.good(`all ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  await closeCircuits(scene);
  await narrator.kubectl(
    `get agentdeployments,circuitbreakerpolicies,ratelimitpolicies,pods -n ${NAMESPACE}`,
  );
  return scene;
}
