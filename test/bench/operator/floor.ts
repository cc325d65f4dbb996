import type { CircuitBreakerPolicy } from '../../../crds/generated/types.ts';
import { Informer, keyOf, resourcePath, type KubeClient } from '../../../operator/kube/index.ts';
import { CircuitBreakerPolicies, ConfigMaps } from '../../../operator/resources/resources.ts';
import { atRate, Spans } from './spans.ts';
import type { World } from './world.ts';

const POLICIES = 100;
/** Namespace of the policies that this file creates, for no agent. */
const NAMESPACE = 'floor';

export interface FloorOptions {
  world: World;
  client: KubeClient;
  /** A namespace of agents. One of its ConfigMaps is the template. */
  namespace: string;
  edits: number;
  signal: AbortSignal;
}

/**
 * The time that the API server and the machine alone take for edits of policies, 20 a second: each from just before it
 * is sent, through a watch that shows it, until a ConfigMap like that of an agent is applied. Of the operator's own
 * writes after an edit, it includes that of the policy's status.
 */
export async function editFloor(options: FloorOptions): Promise<Spans> {
  const { world, client, namespace, edits, signal } = options;
  const spans = new Spans();
  const [agent] = await client.list(ConfigMaps, { namespace, limit: 1 });
  await world.post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  for (let index = 0; index < POLICIES; index++) {
    await world.post(resourcePath(CircuitBreakerPolicies, NAMESPACE), {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'CircuitBreakerPolicy',
      metadata: { namespace: NAMESPACE, name: `policy-${index}` },
      spec: { targetRefs: [{ name: 'nobody' }], scope: 'Pod' },
    });
  }
  const shown = new Map<string, () => void>();
  const informer = new Informer<CircuitBreakerPolicy>({ client, resource: CircuitBreakerPolicies });
  informer.onChange((policy) => {
    if (policy) shown.get(`${keyOf(policy)} ${policy.spec.openDuration}`)?.();
  });
  informer.start(signal);
  await informer.synced;
  await atRate(20, edits, async (index) => {
    const openDuration = `${1_000 + index}ms`;
    const name = `policy-${index % POLICIES}`;
    const { promise, resolve } = Promise.withResolvers<void>();
    shown.set(`${NAMESPACE}/${name} ${openDuration}`, resolve);
    spans.begin(openDuration);
    await world.patch(resourcePath(CircuitBreakerPolicies, NAMESPACE, name), {
      spec: { openDuration },
    });
    await promise;
    await client.apply(
      ConfigMaps,
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: NAMESPACE, name },
        data: { ...agent!.data, openDuration },
      } as never,
      { fieldManager: 'floor' },
    );
    spans.end(openDuration);
  });
  return spans;
}
