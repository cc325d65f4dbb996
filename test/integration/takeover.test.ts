import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { CONTROL_AUDIENCE, PORTS } from '../../contract/link.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import {
  KubeClient,
  loadClusterConfig,
  Transport,
  type ClusterConfig,
  type Resource,
} from '../../operator/kube/index.ts';
import { Leases } from '../../operator/kube/resource.ts';
import type { Lease } from '../../operator/kube/types.ts';
import { hello, snapshot, target } from '../../operator/testing/messages.ts';
import { type PodConnection, PodServer } from '../../operator/testing/podServer.ts';
import { waitFor } from '../cluster/common/step.ts';
import {
  bundleOperator,
  LEASE,
  NAMESPACE,
  OperatorProcess,
} from '../kit/operator/operatorProcess.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { type ApiServer, START_TIMEOUT, startApiServer } from './apiserver.ts';
import { FaultProxy, type Seen } from './faults/proxy.ts';

jest.setTimeout(180_000);

const OURS = '/apis/breakwater.dev/v1alpha1/namespaces';
const AGENTS = 10;
const POD_IP = '127.0.41.1';
const WAIT_MS = 60_000;
/** Duration of the Lease; operator/kube/leader.test.ts holds the exact times of a takeover. */
const LEASE_MS = 15_000;
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;

let server: ApiServer;
let config: ClusterConfig;
let directory: string;
let program: string;

beforeAll(async () => {
  server = await startApiServer();
  config = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  directory = await mkdtemp(join(tmpdir(), 'breakwater-takeover-'));
  program = await bundleOperator(directory);
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
}, START_TIMEOUT);

afterAll(async () => {
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A replica of the operator. A proxy records its requests. */
class Replica {
  readonly proxy: FaultProxy;
  readonly process: OperatorProcess;

  private constructor(proxy: FaultProxy, process: OperatorProcess) {
    this.proxy = proxy;
    this.process = process;
  }

  static async start(name: string): Promise<Replica> {
    const proxy = await FaultProxy.start(config);
    const access = { server: proxy.config.server, tls: {} };
    const process = await OperatorProcess.start(name, { program, access, directory });
    return new Replica(proxy, process);
  }

  /** Its writes except those of the Lease. A token review changes nothing. */
  get writes(): Seen[] {
    return this.proxy.seen.filter(
      ({ method, path }) => method !== 'GET' && !/\/(leases|tokenreviews|secrets)/.test(path),
    );
  }

  get watches(): number {
    return this.proxy.count('watch');
  }

  async close(): Promise<void> {
    await this.process.end('SIGKILL');
    await this.proxy[Symbol.asyncDispose]();
  }
}

/** A pod of the first agent, which answers every link in the name of the real one. */
class LinkedPod {
  readonly #server: PodServer;
  readonly #answered = new Set<PodConnection>();
  readonly #timer: NodeJS.Timeout;

  constructor(pods: PodServer, identity: ReturnType<typeof target>, token: string) {
    this.#server = pods;
    this.#timer = setInterval(() => {
      for (const connection of pods.connections) {
        if (this.#answered.has(connection)) continue;
        this.#answered.add(connection);
        connection.say({ ...hello(identity), token });
        connection.say(snapshot(undefined));
      }
    }, 10);
  }

  get connections(): readonly PodConnection[] {
    return this.#server.connections;
  }

  /** How many configurations each link brought, the oldest link first. */
  get pushes(): number[] {
    return this.connections.map(
      ({ received }) => received.filter(({ type }) => type === 'Configure').length,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#server.stop();
  }
}

/** All versions of the Lease from now on. */
class LeaseWatch {
  readonly #specs: NonNullable<Lease['spec']>[] = [];
  readonly #transport = new Transport({ config, registry: new Registry() });
  readonly #end = new AbortController();
  readonly #watching = this.#follow();

  /** Names of the holders, one after another; empty between two of them if the former gave the Lease up. */
  get holders(): string[] {
    const names = this.#specs.map(({ holderIdentity = '' }) => holderIdentity.split('_')[0]!);
    return names.filter((name, index) => name !== names[index - 1]);
  }

  /** Milliseconds from the last renewal by the former holder to the takeover. */
  get pauseMs(): number {
    const last = this.#specs.at(-1)!;
    const former = this.#specs.findLast(({ acquireTime }) => acquireTime !== last.acquireTime)!;
    return Date.parse(last.acquireTime!) - Date.parse(former.renewTime!);
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#watching;
    await this.#transport.close();
  }

  async #follow(): Promise<void> {
    const client = new KubeClient(this.#transport);
    const { signal } = this.#end;
    const options = { namespace: NAMESPACE, timeoutSeconds: 600, signal };
    const watch = client.watch(Leases as unknown as Resource<Lease, 'watch'>, options);
    try {
      for await (const { type, object } of watch)
        if (type === 'ADDED' || type === 'MODIFIED') this.#specs.push(object.spec!);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

let namespace: string;
let replicas: Replica[];
let pod: LinkedPod | undefined;
let leases: LeaseWatch | undefined;
let editing: AbortController;
let edits: Promise<void>;

beforeEach(async () => {
  namespace = await server.namespace('takeover');
  replicas = [];
  editing = new AbortController();
  edits = Promise.resolve();
  for (let index = 0; index < AGENTS; index++) {
    const name = `agent-${index}`;
    await server.apply(`${OURS}/${namespace}/agentdeployments/${name}`, {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'AgentDeployment',
      metadata: { name },
      spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] } },
    });
    await edit(index, 30);
  }
});

afterEach(async () => {
  editing.abort();
  await edits;
  await pod?.close();
  pod = undefined;
  for (const replica of replicas) await replica.close();
  await server.request('DELETE', `/api/v1/namespaces/${namespace}/pods`);
  for (const plural of ['agentdeployments', 'circuitbreakerpolicies'])
    await server.request('DELETE', `${OURS}/${namespace}/${plural}`);
  await leases?.close();
  leases = undefined;
  await server.request('DELETE', `${LEASES}/${LEASE}`);
});

const edit = (index: number, seconds: number): Promise<unknown> =>
  server.apply(`${OURS}/${namespace}/circuitbreakerpolicies/agent-${index}`, {
    apiVersion: 'breakwater.dev/v1alpha1',
    kind: 'CircuitBreakerPolicy',
    metadata: { name: `agent-${index}` },
    spec: { targetRefs: [{ name: `agent-${index}` }], scope: 'Pod', openDuration: `${seconds}s` },
  });

/** Edits one policy after another, until told to stop. */
async function editAll(signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    await edit(count % AGENTS, 31 + (count % 60));
    await pause(40);
  }
}

async function holder(): Promise<string> {
  const { body } = await server.request<Lease>('GET', `${LEASES}/${LEASE}`);
  return body.spec?.holderIdentity ?? '';
}

const untilHeldBy = (name: string): Promise<unknown> =>
  waitFor(`${name} leads`, WAIT_MS, async () => (await holder()).startsWith(`${name}_`), 20);

/** A leader that works and is linked to a pod, a warm standby, and edits without an end. */
async function underLoad(): Promise<[Replica, Replica]> {
  leases = new LeaseWatch();
  const leader = await Replica.start('first');
  replicas.push(leader);
  await untilHeldBy('first');
  pod = await startPod();
  const standby = await Replica.start('second');
  replicas.push(standby);
  edits = editAll(editing.signal);
  await waitFor('the leader works and pushes', WAIT_MS, () => (pod!.pushes[0] ?? 0) > 3);
  await waitFor('the standby is warm', WAIT_MS, () => standby.watches > 10);
  expect(standby.writes).toEqual([]);
  return [leader, standby];
}

async function startPod(): Promise<LinkedPod> {
  const secret = `/api/v1/namespaces/${NAMESPACE}/secrets/breakwater-authority`;
  const { body } = await server.request<{ data: Record<string, string> }>('GET', secret);
  const authority = Buffer.from(body.data['tls.crt']!, 'base64').toString();
  const pods = await PodServer.start(authority, { port: PORTS.control, host: POD_IP });
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/agent-0`;
  await waitFor(
    'the agent has its account',
    WAIT_MS,
    async () => (await server.request('GET', account)).status === 200,
  );
  const collection = `/api/v1/namespaces/${namespace}/pods`;
  const { labels, ownerReferences } = await replicaSetOf(server, namespace, 'agent-0');
  const made = await server.request<KubernetesObject>('POST', collection, {
    body: {
      metadata: { name: 'agent-0-1', labels, ownerReferences },
      spec: { serviceAccountName: 'agent-0', containers: [{ name: 'agent', image: 'runtime:1' }] },
    },
  });
  const { uid } = made.body.metadata;
  const token = await server.request<{ status: { token: string } }>('POST', `${account}/token`, {
    body: {
      spec: {
        audiences: [CONTROL_AUDIENCE],
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'agent-0-1', uid },
      },
    },
  });
  await server.request('PATCH', `${collection}/agent-0-1/status`, {
    contentType: 'application/merge-patch+json',
    body: { status: { podIP: POD_IP, podIPs: [{ ip: POD_IP }], phase: 'Running' } },
  });
  const identity = target(1, {
    namespace,
    agent: 'agent-0',
    name: 'agent-0-1',
    uid: uid!,
    serviceAccount: 'agent-0',
  });
  return new LinkedPod(pods, identity, token.body.status.token);
}

/** The second replica writes and pushes; what the first one did is done. */
async function works(standby: Replica): Promise<void> {
  const links = pod!.connections.length;
  await waitFor('the new leader writes', WAIT_MS, () => standby.writes.length > 10);
  await waitFor('the new leader pushes', WAIT_MS, () =>
    pod!.pushes.slice(links - 1).some((count) => count > 0),
  );
}

/** Nothing of the one after the first of the other. */
function expectNoOverlap(before: Replica, after: Replica): void {
  const last = before.writes.at(-1)!.at;
  const first = after.writes[0]!.at;
  expect(first).toBeGreaterThan(last);
}

describe('under load, the standby takes over from a leader that', () => {
  it('gets SIGTERM, once that has given the Lease up', async () => {
    const [leader, standby] = await underLoad();
    await Promise.all([leader.process.end('SIGTERM'), untilHeldBy('second')]);
    await waitFor('the watch saw it', WAIT_MS, () => leases!.holders.includes('second'));
    expect(leases!.holders).toEqual(['first', '', 'second']);
    await works(standby);
    expectNoOverlap(leader, standby);
  });

  it('gets SIGKILL, after the Lease has expired', async () => {
    const [leader, standby] = await underLoad();
    await leader.process.end('SIGKILL');
    await untilHeldBy('second');
    await waitFor('the watch saw it', WAIT_MS, () => leases!.holders.includes('second'));
    expect(leases!.holders).toEqual(['first', 'second']);
    expect(leases!.pauseMs).toBeGreaterThanOrEqual(LEASE_MS);
    await works(standby);
    expectNoOverlap(leader, standby);
  });

  it('is stalled and that writes and pushes nothing after it wakes up', async () => {
    const [leader, standby] = await underLoad();
    const links = pod!.connections.length;
    leader.process.signal('SIGSTOP');
    await untilHeldBy('second');
    const pushed = pod!.pushes.slice(0, links);
    leader.process.signal('SIGCONT');
    await works(standby);
    await waitFor('the first replica is a standby', WAIT_MS, async () => {
      const metrics = await leader.process.metrics();
      return metrics?.sum('leader_election_master_status') === 0;
    });
    expectNoOverlap(leader, standby);
    expect(pod!.pushes.slice(0, links)).toEqual(pushed);
    const terms = pod!.connections.map(({ received }) => received.map(({ term }) => term));
    expect(Math.min(...terms.slice(links).flat())).toBeGreaterThan(
      Math.max(...terms.slice(0, links).flat()),
    );
  });
});
