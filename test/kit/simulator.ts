import type { Fault } from '../../cli/simulator/fault.ts';
import type { RequestRecord } from '../../cli/simulator/record.ts';
import type { Api } from './api.ts';
import type { ConversationPlan, ConversationReport } from './conversations.ts';
import type { ToolRecord, ToolTexts } from './toolServer.ts';
import type { TraceSummary } from './traceServer.ts';
import type { Burst, TrafficPlan, TrafficReport } from './traffic.ts';

const USER = 65532;

/** Where a program of the simulator's image runs. */
export interface Placement {
  namespace: string;
  name: string;
  image: string;
  port: number;
}

/** A pod of the simulator's image that meets the restricted Pod Security standard. */
export function simulatorPod(place: Placement, args: string[]): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: place.name,
      namespace: place.namespace,
      labels: { 'app.kubernetes.io/name': place.name },
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'simulator',
          image: place.image,
          imagePullPolicy: 'IfNotPresent',
          args,
          env: [{ name: 'PORT', value: String(place.port) }],
          ports: [{ name: 'http', containerPort: place.port }],
          readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1 },
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

/** The Service in front of a simulator's pod, on the same port. */
export function simulatorService(place: Placement): Record<string, unknown> {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: place.name, namespace: place.namespace },
    spec: {
      selector: { 'app.kubernetes.io/name': place.name },
      ports: [{ name: 'http', port: place.port, targetPort: 'http' }],
    },
  };
}

/** Steers a simulated model that runs in the cluster, by way of the API server. */
export class RemoteModel {
  readonly #api: Api;
  readonly #base: string;

  /** `target` is services/NAME:PORT or pods/NAME:PORT. */
  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Misbehaves from the next request on; undefined is health. */
  async setFault(fault: Fault | undefined): Promise<void> {
    await this.#api.request('PUT', `${this.#base}/control/fault`, fault ?? null);
  }

  requests(): Promise<RequestRecord> {
    return this.#api.request('GET', `${this.#base}/control/requests`);
  }

  async resetRequests(): Promise<void> {
    await this.#api.request('DELETE', `${this.#base}/control/requests`);
  }
}

/** Reads what a collector of traces in the cluster has kept, by way of the API server. */
export class RemoteTraces {
  readonly #api: Api;
  readonly #base: string;

  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Newest first. */
  list(): Promise<TraceSummary[]> {
    return this.#api.request('GET', `${this.#base}/traces`);
  }
}

/** Steers a traffic generator that runs in the cluster, by way of the API server. */
export class RemoteTraffic {
  readonly #api: Api;
  readonly #base: string;

  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Replaces the plan; undefined stops sending. */
  run(plan: TrafficPlan | undefined): Promise<TrafficReport> {
    return this.#api.request('PUT', `${this.#base}/traffic`, plan ?? null);
  }

  report(): Promise<TrafficReport> {
    return this.#api.request('GET', `${this.#base}/traffic`);
  }

  burst(burst: Burst): Promise<TrafficReport> {
    return this.#api.request('POST', `${this.#base}/burst`, burst);
  }

  /** Begins conversations. */
  converse(plan: ConversationPlan): Promise<ConversationReport> {
    return this.#api.request('PUT', `${this.#base}/conversations`, plan);
  }

  /** Has each conversation end with the message that it is at. */
  endConversations(): Promise<ConversationReport> {
    return this.#api.request('DELETE', `${this.#base}/conversations`);
  }

  conversations(): Promise<ConversationReport> {
    return this.#api.request('GET', `${this.#base}/conversations`);
  }
}

/** Steers a service with tools that runs in the cluster, by way of the API server. */
export class RemoteTools {
  readonly #api: Api;
  readonly #base: string;

  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Answers everything with this status from now on; undefined is health. */
  async setStatus(status: number | undefined): Promise<void> {
    await this.#api.request('PUT', `${this.#base}/control/status`, status ?? null);
  }

  /** Says this from now on. */
  async setTexts(texts: ToolTexts): Promise<void> {
    await this.#api.request('PUT', `${this.#base}/control/texts`, texts);
  }

  record(): Promise<ToolRecord> {
    return this.#api.request('GET', `${this.#base}/control/record`);
  }
}
