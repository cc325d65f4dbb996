import type { Platform } from '../../kit/platform.ts';
import type { Pod } from '../../kit/agents.ts';
import { Agents, isReady } from '../../kit/agents.ts';
import { Api } from '../../kit/api.ts';
import type { PodClient } from '../../kit/enforcement.ts';
import { openPods } from '../../kit/enforcement.ts';
import { RemoteModel, simulatorPod, simulatorService } from '../../kit/simulator.ts';
import { waitFor } from '../../kit/wait.ts';

const API_VERSION = 'breakwater.dev/v1alpha1';
const NAMESPACE = 'breakwater-bench';

/** What a measurement uses: an agent with three pods, a connection to each, and a simulated model. */
export interface Scene {
  api: Api;
  agents: Agents;
  model: RemoteModel;
  pods: PodClient[];
  namespace: string;
  close(): Promise<void>;
}

export const AGENT = 'measured';

export interface SceneOptions {
  /** Default 3. */
  pods?: number;
  /** The RateLimitPolicy, except for its target. Default: a limit for each pod that no measurement reaches. */
  limits?: Record<string, unknown>;
}

const UNLIMITED = {
  scope: 'Pod',
  limits: [{ name: 'requests', refill: { amount: 1000000, per: '1s' }, capacity: 1000 }],
};

function manifests(
  image: string,
  { pods = 3, limits = UNLIMITED }: SceneOptions,
): Record<string, unknown>[] {
  const place = { namespace: NAMESPACE, name: 'model', port: 8080, image };
  const targetRefs = [{ name: AGENT }];
  const metadata = { name: AGENT, namespace: NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    simulatorPod(place, []),
    simulatorService(place),
    {
      apiVersion: API_VERSION,
      kind: 'AgentDeployment',
      metadata,
      spec: {
        replicas: pods,
        model: {
          endpoints: [{ name: 'primary', baseURL: `http://model.${NAMESPACE}.svc:8080` }],
        },
        // With retries, the client would get its answer long after the circuit opened.
        retry: { maxAttempts: 1 },
        shutdown: { drainTimeout: '1s' },
        podTemplate: {
          spec: {
            containers: [
              // Small, so that a small machine can run the pods.
              { name: 'agent', resources: { requests: { cpu: '20m', memory: '64Mi' } } },
            ],
          },
        },
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'CircuitBreakerPolicy',
      metadata,
      spec: {
        targetRefs,
        scope: 'Pod',
        trip: { consecutiveFailures: 1 },
        openDuration: '200ms',
        halfOpen: { successThreshold: 1 },
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'RateLimitPolicy',
      metadata,
      spec: { targetRefs, ...limits },
    },
  ];
}

/** Creates the objects of a measurement and waits until they are ready. */
export async function openScene(platform: Platform, options: SceneOptions = {}): Promise<Scene> {
  const { kubectl, images } = platform;
  const api = await Api.connect(kubectl);
  const agents = new Agents(api, NAMESPACE);
  await waitFor(
    'what an earlier run left is gone',
    () => api.find('namespaces', undefined, NAMESPACE),
    (namespace) => namespace?.metadata.deletionTimestamp === undefined,
    { timeoutMs: 60_000 },
  );
  await kubectl.apply(
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests(images.simulator, options) }),
  );
  await waitFor(
    'the simulated model is ready',
    () => api.get<Pod>('pods', NAMESPACE, 'model'),
    isReady,
    { timeoutMs: 60_000 },
  );
  await agents.waitForAgent(AGENT);
  const pods = await openPods(platform, NAMESPACE, await agents.readyPods(AGENT));
  return {
    api,
    agents,
    pods,
    namespace: NAMESPACE,
    model: new RemoteModel(api, NAMESPACE, 'pods/model:8080'),
    close: async () => {
      for (const pod of pods) pod.close();
      await api.remove('namespaces', undefined, NAMESPACE);
      await api.close();
    },
  };
}
