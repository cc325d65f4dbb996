import type { Agents } from '../kit/agents.ts';
import type { Api } from '../kit/api.ts';
import type { Kubectl } from '../kit/kubectl.ts';
import type { Platform } from '../kit/platform.ts';
import { RemoteModel, RemoteTraces, RemoteTraffic } from '../kit/simulator.ts';
import type { TrafficReport } from '../kit/traffic.ts';
import { since } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { Narrator } from './narrator.ts';

/** Names of the objects in config/samples. */
export const NAMESPACE = 'breakwater-demo';
export const NAME = 'triage';
export const SERVICE_URL = `http://${NAME}.${NAMESPACE}.svc`;

/** Steady requests per second through the Service in the demo. */
export const RATE = 20;

/** The cluster and the objects of the demo. */
export interface Scene {
  platform: Platform;
  kubectl: Kubectl;
  api: Api;
  agents: Agents;
  narrator: Narrator;
  model: RemoteModel;
  traffic: RemoteTraffic;
  traces: RemoteTraces;
}

export const TRAFFIC = { namespace: NAMESPACE, name: 'traffic', port: 8080 } as const;
/** The trace collector with its port for OTLP. */
export const COLLECTOR = { namespace: NAMESPACE, name: 'collector', port: 4318 } as const;

/** Connects to the model, the traffic generator and the collector. */
export function remotes(api: Api): Pick<Scene, 'model' | 'traffic' | 'traces'> {
  return {
    traces: new RemoteTraces(api, NAMESPACE, `services/${COLLECTOR.name}:${COLLECTOR.port}`),
    model: new RemoteModel(api, NAMESPACE, 'services/model:80'),
    traffic: new RemoteTraffic(api, NAMESPACE, `pods/${TRAFFIC.name}:${TRAFFIC.port}`),
  };
}

/** Results of the next `count` requests of the traffic generator. */
export async function observeTraffic(
  traffic: RemoteTraffic,
  count: number,
): Promise<TrafficReport> {
  const before = await traffic.report();
  const after = await waitFor(
    `${count} more answers to requests through the Service`,
    () => traffic.report(),
    (report) => report.answered >= before.answered + count,
  );
  return since(before, after);
}

/** Outcomes as a line: "40 × 200, 2 × 503 CircuitBreakerOpen". */
export function outcomes(report: TrafficReport): string {
  return Object.entries(report.outcomes)
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${count} × ${outcome}`)
    .join(', ');
}

/** Image of the running simulated model. */
export async function simulatorImage(kubectl: Kubectl): Promise<string> {
  const image = '-o=jsonpath={.spec.template.spec.containers[0].image}';
  const args = ['get', 'deployment', 'model', '-n', NAMESPACE, image];
  return kubectl.run(args).catch((error: unknown) => {
    throw new Error('there is no demo on this cluster; run make demo first', { cause: error });
  });
}
