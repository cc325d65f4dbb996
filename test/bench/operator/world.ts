import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_LABEL } from '../../../operator/desired/common/metadata.ts';
import { kubernetesBinaries, kwokBinaries } from '../../cluster/local/binaries.ts';
import { Daemon } from '../../cluster/local/daemon.ts';
import { waitFor } from '../../cluster/common/step.ts';
import { type ApiServer, startApiServer } from '../../integration/apiserver.ts';
import { type Access, accessOf } from '../../kit/operator/access.ts';
import { IMAGE, NAMESPACE } from '../../kit/operator/operatorProcess.ts';
import { replicaSetOf } from '../../kit/replicaSet.ts';

const API = '/apis/breakwater.dev/v1alpha1';
/** Node of all pods. kwok plays its kubelet. */
export const NODE = 'bench';
const PER_NAMESPACE = 100;
const CHILDREN = [
  ['/apis/apps/v1', 'deployments'],
  ['/apis/apps/v1', 'replicasets'],
  ['/apis/networking.k8s.io/v1', 'networkpolicies'],
  ['/apis/policy/v1', 'poddisruptionbudgets'],
  ...['configmaps', 'serviceaccounts', 'services'].map((plural) => ['/api/v1', plural] as const),
] as const;
const AT_A_TIME = 16;

interface PodMeta {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** An API server with agents, and with pods that seem to run. */
export class World {
  readonly server: ApiServer;
  readonly access: Access;
  readonly directory: string;
  /** Part of the addresses of its pods. Several worlds may exist at a time. */
  readonly #net = 100 + Math.floor(Math.random() * 100);
  #controllers: Daemon[] = [];

  private constructor(server: ApiServer, access: Access, directory: string) {
    this.server = server;
    this.access = access;
    this.directory = directory;
  }

  static async start(): Promise<World> {
    const server = await startApiServer();
    const directory = await mkdtemp(join(tmpdir(), 'breakwater-bench-'));
    const world = new World(server, await accessOf(server.kubeconfig), directory);
    await world.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
    await world.post('/api/v1/nodes', {
      metadata: { name: NODE },
      spec: { podCIDR: '127.1.0.0/16', podCIDRs: ['127.1.0.0/16'] },
    });
    return world;
  }

  /** Namespace and name of the agent with this index, by a prefix. */
  static place(prefix: string, index: number): { namespace: string; name: string } {
    return {
      namespace: `${prefix}-${Math.floor(index / PER_NAMESPACE)}`,
      name: `agent-${index % PER_NAMESPACE}`,
    };
  }

  /** Creates agents, each with a policy. */
  async makeAgents(prefix: string, count: number): Promise<void> {
    const namespaces = new Set(
      Array.from({ length: count }, (_, index) => World.place(prefix, index).namespace),
    );
    await Promise.all(
      [...namespaces].map((name) => this.post('/api/v1/namespaces', { metadata: { name } })),
    );
    await inParallel(count, async (index) => {
      const { namespace, name } = World.place(prefix, index);
      const metadata = { namespace, name };
      await this.post(`${API}/namespaces/${namespace}/agentdeployments`, {
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'AgentDeployment',
        metadata,
        spec: {
          model: { endpoints: [{ name: 'primary', model: 'some-model' }] },
          podTemplate: { spec: { nodeName: NODE } },
        },
      });
      await this.post(`${API}/namespaces/${namespace}/circuitbreakerpolicies`, {
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'CircuitBreakerPolicy',
        metadata,
        spec: { targetRefs: [{ name }], scope: 'Pod' },
      });
    });
  }

  /** Gives each agent a limit, whose numbers change with traffic. */
  async makeLimits(prefix: string, count: number, scope: 'Pod' | 'Fleet' = 'Pod'): Promise<void> {
    await inParallel(count, async (index) => {
      const { namespace, name } = World.place(prefix, index);
      await this.post(`${API}/namespaces/${namespace}/ratelimitpolicies`, {
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'RateLimitPolicy',
        metadata: { namespace, name },
        spec: {
          targetRefs: [{ name }],
          scope,
          limits: [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 }],
        },
      });
    });
  }

  /** Deletes everything in the namespaces of a prefix, and keeps the namespaces. */
  async clear(prefix: string, count: number): Promise<void> {
    const last = Math.floor((count - 1) / PER_NAMESPACE);
    for (let index = 0; index <= last; index++) {
      for (const plural of ['agentdeployments', 'circuitbreakerpolicies']) {
        await this.delete(`${API}/namespaces/${prefix}-${index}/${plural}`);
      }
      await this.deleteChildren(`${prefix}-${index}`);
    }
  }

  /** Deletes the objects that the operator created for one agent or for all. */
  async deleteChildren(namespace: string, agent?: string): Promise<void> {
    const labelSelector = agent === undefined ? AGENT_LABEL : `${AGENT_LABEL}=${agent}`;
    for (const [api, plural] of CHILDREN) {
      await this.delete(`${api}/namespaces/${namespace}/${plural}`, {}, { labelSelector });
    }
  }

  /** Succeeds if nothing is there. */
  async delete(path: string, body: object = {}, query: Record<string, string> = {}): Promise<void> {
    const { status } = await this.server.request('DELETE', path, { body, query });
    if (status >= 300 && status !== 404) throw new Error(`DELETE ${path}: ${status}`);
  }

  /** Creates a pod of the agent's Deployment. No kubelet and no controller changes it. */
  async makePod(namespace: string, agent: string, name: string): Promise<void> {
    const { labels, ownerReferences } = await replicaSetOf(this.server, namespace, agent);
    await this.post(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, labels, ownerReferences },
      spec: { serviceAccountName: agent, containers: [{ name: 'agent', image: IMAGE }] },
    });
  }

  #addressOf(index: number): string {
    return `127.${this.#net}.${Math.floor(index / 200)}.${1 + (index % 200)}`;
  }

  /** Lets the pod run at an address: its own by a number, or another one. */
  async runPod(namespace: string, name: string, address: number | string): Promise<void> {
    const podIP = typeof address === 'number' ? this.#addressOf(address) : address;
    await this.patch(`/api/v1/namespaces/${namespace}/pods/${name}/status`, {
      status: {
        phase: 'Running',
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }

  async post(path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.server.request('POST', path, { body });
    if (status >= 300 && status !== 409) {
      throw new Error(`POST ${path}: ${status} ${JSON.stringify(answer)}`);
    }
  }

  /** Applies a merge patch. Fails if the API server refuses it. */
  async patch(path: string, body: object): Promise<void> {
    const { status, body: answer } = await this.server.request('PATCH', path, {
      contentType: 'application/merge-patch+json',
      body,
    });
    if (status >= 300) throw new Error(`PATCH ${path}: ${status} ${JSON.stringify(answer)}`);
  }

  /** Starts the controllers of Deployments and ReplicaSets, and kwok for the pods they make. */
  async startPods(): Promise<void> {
    const { kubeconfig } = this.server;
    const daemon = (name: string, command: string[]): Daemon =>
      new Daemon({ name, command, directory: this.directory, outlives: false });
    this.#controllers = [
      daemon('kube-controller-manager', [
        join(await kubernetesBinaries(), 'kube-controller-manager'),
        `--kubeconfig=${kubeconfig}`,
        '--controllers=deployment,replicaset',
        '--leader-elect=false',
        '--secure-port=0',
        '--kube-api-qps=500',
        '--kube-api-burst=500',
      ]),
      daemon('kwok', [
        join(await kwokBinaries(), 'kwok'),
        `--kubeconfig=${kubeconfig}`,
        `--config=${join(import.meta.dirname, 'kwok.yaml')}`,
        '--manage-all-nodes=true',
        '--cidr=127.1.0.0/16',
      ]),
    ];
    for (const controller of this.#controllers) await controller.start();
  }

  /** Writes that the API server has received, by kind of object, without the Lease and reviews. */
  async writes(): Promise<Map<string, number>> {
    const { body } = await this.server.request<string>('GET', '/metrics');
    const line =
      /^apiserver_request_total\{[^}]*[{,]resource="([^"]*)"[^}]*[{,]subresource="([^"]*)"[^}]*verb="(?:APPLY|PATCH|PUT|POST|DELETE)"[^}]*\} (\S+)$/gm;
    const counts = new Map<string, number>();
    for (const [, resource, subresource, value] of body.matchAll(line)) {
      if (['leases', 'tokenreviews', 'nodes'].includes(resource!)) continue;
      const kind = subresource ? `${resource}/${subresource}` : resource!;
      counts.set(kind, (counts.get(kind) ?? 0) + Number(value));
    }
    return counts;
  }

  /** Creates a pod like the agent's first one, not yet bound to a node. */
  async clonePod(namespace: string, agent: string, name: string): Promise<void> {
    const { body } = await this.server.request<{ items: { metadata: PodMeta; spec: object }[] }>(
      'GET',
      `/api/v1/namespaces/${namespace}/pods`,
      { query: { labelSelector: `breakwater.dev/agent=${agent}`, limit: '1' } },
    );
    const { metadata, spec } = body.items[0]!;
    const { annotations } = metadata;
    const labels = { ...metadata.labels, 'pod-template-hash': 'extra' };
    const owner = await this.#idleReplicaSet(namespace, agent, labels);
    await this.post(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name, labels, annotations, ownerReferences: [owner] },
      spec: { ...spec, nodeName: undefined, nodeSelector: { absent: 'true' } },
    });
  }

  /**
   * Returns a ReplicaSet of the agent's Deployment that keeps its pods because it is being deleted. Any other would
   * delete them as surplus.
   */
  async #idleReplicaSet(
    namespace: string,
    agent: string,
    labels: Record<string, string>,
  ): Promise<object> {
    const apps = `/apis/apps/v1/namespaces/${namespace}`;
    const path = `${apps}/replicasets/${agent}-extra`;
    const found = await this.server.request<{ metadata: PodMeta & { uid: string } }>('GET', path);
    if (found.status === 200) return ownerOf('ReplicaSet', `${agent}-extra`, found.body);
    const deployment = await this.server.request<{ metadata: { uid: string } }>(
      'GET',
      `${apps}/deployments/${agent}`,
    );
    await this.post(`${apps}/replicasets`, {
      metadata: {
        name: `${agent}-extra`,
        labels,
        finalizers: ['bench.breakwater.dev/keep'],
        ownerReferences: [ownerOf('Deployment', agent, deployment.body)],
      },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name: 'agent', image: 'runtime:bench' }] },
        },
      },
    });
    await this.server.request('DELETE', path);
    return this.#idleReplicaSet(namespace, agent, labels);
  }

  /** Binds a pod to the node, so that it runs. */
  async bindPod(namespace: string, name: string): Promise<void> {
    await this.post(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
      metadata: { name },
      target: { kind: 'Node', name: NODE },
    });
  }

  /** Number of pods, and of running pods. */
  async pods(): Promise<{ all: number; ready: number }> {
    const { body } = await this.server.request<{ items: { status?: { podIP?: string } }[] }>(
      'GET',
      '/api/v1/pods',
    );
    const ready = body.items.filter(({ status }) => status?.podIP).length;
    return { all: body.items.length, ready };
  }

  async whenPodsReady(count: number): Promise<void> {
    await waitFor(
      `${count} pods are ready`,
      600_000,
      async () => (await this.pods()).ready >= count,
      2_000,
    );
  }

  async stop(): Promise<void> {
    for (const controller of this.#controllers) await controller.stop('SIGKILL');
    await this.server.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Does the work for 0 … count − 1, several at a time. */
export async function inParallel(
  count: number,
  work: (index: number) => Promise<void>,
  atATime = AT_A_TIME,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

function ownerOf(kind: string, name: string, { metadata }: { metadata: { uid: string } }): object {
  return { apiVersion: 'apps/v1', kind, name, uid: metadata.uid, controller: true };
}
