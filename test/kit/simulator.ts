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

/** Controls a simulated model in the cluster through the API server. */
export class RemoteModel {
  readonly #api: Api;
  readonly #base: string;

  /** @param target services/NAME:PORT or pods/NAME:PORT */
  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Sets the fault for all later requests; undefined: none. */
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

/** Reads the spans of a trace collector in the cluster through the API server. */
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

/** Controls a traffic generator in the cluster through the API server. */
export class RemoteTraffic {
  readonly #api: Api;
  readonly #base: string;

  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Replaces the plan; undefined: sends nothing. */
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

  /** Ends each conversation after its current message. */
  endConversations(): Promise<ConversationReport> {
    return this.#api.request('DELETE', `${this.#base}/conversations`);
  }

  conversations(): Promise<ConversationReport> {
    return this.#api.request('GET', `${this.#base}/conversations`);
  }
}

/** Controls a service with tools in the cluster through the API server. */
export class RemoteTools {
  readonly #api: Api;
  readonly #base: string;

  constructor(api: Api, namespace: string, target: string) {
    this.#api = api;
    this.#base = `/api/v1/namespaces/${namespace}/${target}/proxy`;
  }

  /** Sets the status of all later responses; undefined: no fault. */
  async setStatus(status: number | undefined): Promise<void> {
    await this.#api.request('PUT', `${this.#base}/control/status`, status ?? null);
  }

  /** Sets the texts of all later responses. */
  async setTexts(texts: ToolTexts): Promise<void> {
    await this.#api.request('PUT', `${this.#base}/control/texts`, texts);
  }

  record(): Promise<ToolRecord> {
    return this.#api.request('GET', `${this.#base}/control/record`);
  }
}
