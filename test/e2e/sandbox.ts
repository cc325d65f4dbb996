import type { Images } from '../cluster/common/cluster.ts';
import type { Pod } from '../kit/agents.ts';
import { Agents, isReady } from '../kit/agents.ts';
import { Api } from '../kit/api.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { openPods } from '../kit/enforcement.ts';
import { Kubectl } from '../kit/kubectl.ts';
import {
  RemoteModel,
  RemoteTools,
  RemoteTraffic,
  simulatorPod,
  simulatorService,
} from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import { readSite, SUITE_LABEL, type Site } from './site.ts';

/** A simulated model in the cluster, with its address for agents and its control. */
export interface SandboxModel {
  baseURL: string;
  control: RemoteModel;
}

/** Fields of an AgentDeployment that the tests vary. */
export interface AgentOptions {
  name: string;
  baseURL: string;
  replicas?: number;
  /** Name of the endpoint. Default north. */
  endpoint?: string;
  model?: string;
  secret?: string;
  labels?: Record<string, string>;
  /** Default 20s. */
  drainTimeout?: string;
  podTemplate?: Record<string, unknown>;
  /** The whole model field, instead of one endpoint. */
  pool?: Record<string, unknown>;
  /** Other fields of the spec, such as timeouts, retry and bulkhead. */
  spec?: Record<string, unknown>;
}

const API_VERSION = 'breakwater.dev/v1alpha1';

/** With these headers a 429 shuts the gate of an endpoint at once, also where no other can serve. */
export const NOTHING_LEFT = { 'anthropic-ratelimit-requests-remaining': '0' };

/** A namespace for one test file, under the restricted Pod Security standard. */
export class Sandbox {
  readonly namespace: string;
  readonly kubectl: Kubectl;
  readonly api: Api;
  readonly agents: Agents;
  readonly images: Images;
  readonly cluster: Site['cluster'];
  readonly #ways: PodClient[] = [];

  private constructor(namespace: string, kubectl: Kubectl, api: Api, site: Site) {
    this.namespace = namespace;
    this.kubectl = kubectl;
    this.api = api;
    this.images = site.images;
    this.cluster = site.cluster;
    this.agents = new Agents(api, namespace);
  }

  /** @param site default: the one that the global setup prepared */
  static async open(topic: string, site: Site = readSite()): Promise<Sandbox> {
    const kubectl = new Kubectl(site.environment);
    const api = await Api.connect(kubectl);
    const namespace = `${topic}-${Date.now().toString(36)}`;
    const [key, value] = SUITE_LABEL.split('=') as [string, string];
    await api.request('POST', '/api/v1/namespaces', {
      metadata: {
        name: namespace,
        labels: { [key]: value, 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    });
    return new Sandbox(namespace, kubectl, api, site);
  }

  /** Deletes the namespace without waiting for its pods, unless the site keeps namespaces. */
  async close(keep = false): Promise<void> {
    for (const way of this.#ways) way.close();
    try {
      if (!keep) await this.api.remove('namespaces', undefined, this.namespace);
    } finally {
      await this.api.close();
    }
  }

  /** Applies objects to the namespace, as kubectl apply does. */
  async apply(...objects: Record<string, unknown>[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.kubectl.run(['apply', '-n', this.namespace, '-f', '-'], {
      input: JSON.stringify(list),
    });
  }

  async #start(name: string, port: number, args: string[]): Promise<void> {
    const place = { namespace: this.namespace, name, port, image: this.images.simulator };
    await this.apply(simulatorPod(place, args), simulatorService(place));
    await waitFor(
      `pod ${name} is ready`,
      () => this.api.get<Pod>('pods', this.namespace, name),
      isReady,
      { timeoutMs: 60_000 },
    );
  }

  /** Runs a simulated model and waits until it is ready. */
  async model(name = 'lighthouse', port = 9009): Promise<SandboxModel> {
    await this.#start(name, port, []);
    return {
      baseURL: `http://${name}.${this.namespace}.svc:${port}`,
      control: new RemoteModel(this.api, this.namespace, `pods/${name}:${port}`),
    };
  }

  /** Runs a service with tools and an MCP server, and waits until it is ready. */
  async tools(name = 'office', port = 9011): Promise<{ baseURL: string; control: RemoteTools }> {
    await this.#start(name, port, ['tools']);
    return {
      baseURL: `http://${name}.${this.namespace}.svc:${port}`,
      control: new RemoteTools(this.api, this.namespace, `pods/${name}:${port}`),
    };
  }

  /** Runs a traffic generator and waits until it is ready. */
  async traffic(name = 'visitors', port = 9010): Promise<RemoteTraffic> {
    await this.#start(name, port, ['traffic']);
    return new RemoteTraffic(this.api, this.namespace, `pods/${name}:${port}`);
  }

  /**
   * Waits until the agent is ready and its Service works. The Service refuses connections until the node knows the pods, up
   * to a second after they are ready.
   */
  async served(name: string, traffic: RemoteTraffic): Promise<void> {
    await this.agents.waitForAgent(name);
    const count = 10;
    // A connection that begins before the node knows the Service never works, because conntrack keeps its first route.
    const burst = { url: this.url(name), count, concurrency: 2, timeoutMs: 2_000 };
    await waitFor(
      `the Service of ${name} answers`,
      () => traffic.burst(burst),
      ({ outcomes }) => outcomes['200'] === count,
      { timeoutMs: 60_000 },
    );
  }

  /** Runs a simulated model on the port, traffic on the next one, and an agent with two pods and a limit of its name. */
  async limitedAgent(name: string, modelName: string, port: number): Promise<RemoteTraffic> {
    const [model, traffic] = await Promise.all([
      this.model(modelName, port),
      this.traffic('visitors', port + 1),
    ]);
    await this.apply(
      this.agent({ name, replicas: 2, baseURL: model.baseURL }),
      this.limit(name, name, { capacity: 1_000, amount: 100, per: '1s' }),
    );
    await this.served(name, traffic);
    return traffic;
  }

  /** An AgentDeployment with small pods, so that many fit on a small machine. */
  agent(options: AgentOptions): Record<string, unknown> {
    const podTemplate = options.podTemplate ?? {};
    return {
      apiVersion: API_VERSION,
      kind: 'AgentDeployment',
      metadata: { name: options.name, labels: options.labels ?? {} },
      spec: {
        ...options.spec,
        replicas: options.replicas ?? 1,
        model: options.pool ?? {
          endpoints: [
            {
              name: options.endpoint ?? 'north',
              baseURL: options.baseURL,
              ...(options.model ? { model: options.model } : {}),
              ...(options.secret ? { apiKeySecretRef: { name: options.secret } } : {}),
            },
          ],
        },
        shutdown: { drainTimeout: options.drainTimeout ?? '20s' },
        podTemplate: {
          ...podTemplate,
          spec: {
            containers: [
              { name: 'agent', resources: { requests: { cpu: '20m', memory: '64Mi' } } },
            ],
          },
        },
      },
    };
  }

  /** A CircuitBreakerPolicy for an agent. The fields of `spec` replace defaults. */
  breaker(
    name: string,
    agent: string,
    spec: Record<string, unknown> = {},
  ): Record<string, unknown> {
    return {
      apiVersion: API_VERSION,
      kind: 'CircuitBreakerPolicy',
      metadata: { name },
      spec: { targetRefs: [{ name: agent }], scope: 'Pod', ...spec },
    };
  }

  /** A RateLimitPolicy for the requests to an agent. */
  limit(
    name: string,
    agent: string,
    limit: { capacity: number; amount: number; per: string },
  ): Record<string, unknown> {
    return {
      apiVersion: API_VERSION,
      kind: 'RateLimitPolicy',
      metadata: { name },
      spec: {
        targetRefs: [{ name: agent }],
        scope: 'Pod',
        limits: [
          {
            name: 'turns',
            refill: { amount: limit.amount, per: limit.per },
            capacity: limit.capacity,
          },
        ],
      },
    };
  }

  secret(name: string, apiKey: string): Record<string, unknown> {
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData: { 'api-key': apiKey },
    };
  }

  /** URL of the agent's Service inside the cluster. */
  url(agent: string): string {
    return `http://${agent}.${this.namespace}.svc`;
  }

  /** Connects to each ready pod of an agent. The sandbox closes the connections. */
  async ways(agent: string): Promise<PodClient[]> {
    const ways = await openPods(this, this.namespace, await this.agents.readyPods(agent));
    this.#ways.push(...ways);
    return ways;
  }

  /** Columns of `kubectl get` for an object, by their headings. */
  async columns(resource: string, name: string): Promise<Record<string, string>> {
    const output = await this.kubectl.run(['get', resource, name, '-n', this.namespace]);
    const [head = '', row = ''] = output.trimEnd().split('\n');
    const starts = [...head.matchAll(/\S+/g)];
    return Object.fromEntries(
      starts.map((match, i) => [match[0], row.slice(match.index, starts[i + 1]?.index).trim()]),
    );
  }
}
