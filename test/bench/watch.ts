/**
 * `make bench-watch` measures what it costs to follow many pods. The pods are those of agents as the API server sends
 * them, and the cache is the operator's own.
 *
 * sync: from the first request of an empty cache until it holds all pods.
 * stall: the longest time of the sync in which the event loop was blocked.
 * pod: heap of one cached pod after a garbage collection.
 *
 * Usage: node --expose-gc test/bench/watch.ts [PODS], by default 20000.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry } from 'prom-client';
import {
  Informer,
  KubeClient,
  Transport,
  withoutManagedFields,
  type Pod,
} from '../../operator/kube/index.ts';
import { Pods } from '../../operator/resources/resources.ts';
import { AGENT_LABEL, MANAGED_BY } from '../../operator/desired/common/metadata.ts';
import { slimPod } from '../../operator/reconcile/slimPod.ts';
import { step } from '../cluster/common/step.ts';
import { accessOf, clusterOf, type Access } from '../kit/operator/access.ts';
import { startApiServer, type ApiServer } from '../integration/apiserver.ts';
import { inParallel } from './operator/world.ts';

const RESOLUTION_MS = 1;
const count = Number(process.argv[2] ?? 20_000);
const labels = { 'app.kubernetes.io/managed-by': MANAGED_BY };

/** A pod with the fields that a kubelet, a scheduler and an operator usually write. */
function pod(index: number): object {
  const env = Array.from({ length: 12 }, (_, n) => ({
    name: `SETTING_${n}`,
    value: 'x'.repeat(60),
  }));
  return {
    metadata: {
      name: `agent-${index}`,
      labels: { ...labels, [AGENT_LABEL]: `agent-${index % 1_000}` },
      annotations: { checksum: 'x'.repeat(64), note: 'y'.repeat(400) },
    },
    spec: {
      nodeName: 'node',
      containers: [
        {
          name: 'agent',
          image: 'registry.example/agent:1',
          env,
          resources: { requests: { cpu: '250m', memory: '256Mi' } },
          readinessProbe: { httpGet: { path: '/health/ready', port: 9090 } },
        },
      ],
      volumes: ['a', 'b', 'c'].map((name) => ({ name, emptyDir: {} })),
    },
  };
}

const status = {
  phase: 'Running',
  podIP: '10.1.2.3',
  podIPs: [{ ip: '10.1.2.3' }],
  conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  })),
  containerStatuses: [
    {
      name: 'agent',
      ready: true,
      restartCount: 0,
      image: 'registry.example/agent:1',
      imageID: `registry.example/agent@sha256:${'a'.repeat(64)}`,
      containerID: `containerd://${'b'.repeat(64)}`,
      state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    },
  ],
};

async function makePods(server: ApiServer): Promise<void> {
  const collection = '/api/v1/namespaces/default/pods';
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'default' } } });
  await inParallel(count, async (index) => {
    const made = await server.request('POST', collection, { body: pod(index) });
    if (made.status !== 201) throw new Error(`POST ${collection}: ${JSON.stringify(made.body)}`);
    await server.request('PATCH', `${collection}/agent-${index}/status`, {
      contentType: 'application/merge-patch+json',
      body: { status },
    });
  });
}

interface Sync {
  ms: number;
  stallMs: number;
  bytesPerPod: number;
}

async function measure(access: Access, transform: (object: Pod) => Pod): Promise<Sync> {
  const transport = new Transport({ config: clusterOf(access), registry: new Registry() });
  const informer = new Informer<Pod>({
    client: new KubeClient(transport),
    resource: Pods,
    labelSelector: `app.kubernetes.io/managed-by=${MANAGED_BY},${AGENT_LABEL}`,
    transform,
  });
  const before = heap();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const started = performance.now();
  const stop = new AbortController();
  informer.start(stop.signal);
  await informer.synced;
  // Node records the stall only after the event loop has turned once more.
  await new Promise((resolve) => setTimeout(resolve, 5 * RESOLUTION_MS));
  delay.disable();
  const ms = performance.now() - started;
  const bytesPerPod = (heap() - before) / informer.size;
  if (informer.size !== count) throw new Error(`${informer.size} pods in the cache, not ${count}`);
  stop.abort();
  await transport.close();
  return { ms, stallMs: delay.max / 1e6, bytesPerPod };
}

function heap(): number {
  if (!globalThis.gc) throw new Error('Run with --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

const print = (name: string, value: number, unit: string): void =>
  void process.stdout.write(`figure ${name} ${value.toFixed(2)} ${unit}\n`);

const server = await startApiServer();
try {
  await step(`Making ${count} pods`, () => makePods(server));
  const access = await accessOf(server.kubeconfig);
  const raw = await step('Following them whole', () => measure(access, withoutManagedFields));
  const slim = await step('Following them as the operator does', () => measure(access, slimPod));
  print('watch_pod_whole', raw.bytesPerPod / 1024, 'KiB');
  print('watch_pod', slim.bytesPerPod / 1024, 'KiB');
  print('watch_sync', slim.ms / 1000, 's');
  print('watch_stall', slim.stallMs, 'ms');
} finally {
  await server.stop();
}
