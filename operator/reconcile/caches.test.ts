import { afterEach, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { WatchEvent } from '../kube/index.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { Caches, type CachesOptions } from './caches.ts';

const stop = new AbortController();
afterEach(() => stop.abort());

const pod = (name: string): KubernetesObject & { spec: object } => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'support', name, uid: name, labels: { 'breakwater.dev/agent': 'a' } },
  spec: { containers: [] },
});

const OBJECTS: Record<string, KubernetesObject[]> = {
  agentdeployments: [agentFixture('a'), agentFixture('b', { replicas: 7 })],
  pods: [pod('a-1'), pod('a-2')],
};

/** Sends all objects as if each came from JSON of its own, and then nothing. */
async function* watch({ plural }: { plural: string }): AsyncGenerator<WatchEvent<object>> {
  for (const object of OBJECTS[plural] ?? []) {
    yield await Promise.resolve({ type: 'ADDED', object: structuredClone(object) });
  }
  const metadata = { resourceVersion: '1', annotations: { 'k8s.io/initial-events-end': 'true' } };
  yield { type: 'BOOKMARK', object: { metadata } };
  await new Promise(() => undefined);
}

it('what agents or pods have in common is in memory once', async () => {
  const client = { watch, servedPlurals: () => Promise.resolve(new Set()) };
  const caches = new Caches({
    client: client as unknown as CachesOptions['client'],
    ...{ clock: new FakeClock(), random: () => 0, discoveryIntervalMs: undefined },
  });
  caches.start(stop.signal);
  await caches.whenSynced();
  const [a, b] = ['a', 'b'].map((name) => caches.agents.get('support', name)!);
  expect([a!.spec.replicas, b!.spec.replicas]).toEqual([3, 7]);
  expect(b!.spec.security).toBe(a!.spec.security);
  const [first, second] = ['a-1', 'a-2'].map((name) => caches.pods.get('support', name)!);
  expect(second!.metadata).toMatchObject({ name: 'a-2' });
  expect(second!.metadata.labels).toBe(first!.metadata.labels);
});
