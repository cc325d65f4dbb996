import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { loadClusterConfig } from '../../operator/kube/index.ts';
import { runOperator } from '../../operator/operator.ts';
import { settingsFrom } from '../../operator/settings.ts';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';

const OURS = '/apis/breakwater.dev/v1alpha1/namespaces';
const WAIT = 60_000;

let server: ApiServer;
let registry: Registry;
let stop: () => Promise<void>;

beforeAll(async () => {
  server = await startApiServer();
  await server.request('POST', '/api/v1/namespaces', {
    body: { metadata: { name: 'breakwater-system' } },
  });
  registry = new Registry();
  const abort = new AbortController();
  const running = runOperator(
    {
      settings: settingsFrom({
        POD_NAMESPACE: 'breakwater-system',
        POD_NAME: 'operator',
        RUNTIME_IMAGE: 'runtime:1',
        METRICS_PORT: '0',
        HEALTH_PORT: '0',
        DEBUG_PORT: '0',
      }),
      cluster: await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig }),
      logger: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
      registry,
    },
    abort.signal,
  );
  stop = async () => {
    abort.abort();
    await running;
  };
}, START_TIMEOUT);

afterAll(async () => {
  await stop?.();
  await server?.stop();
});

const agent = (name: string, spec: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'AgentDeployment',
  metadata: { name },
  spec: { model: { endpoints: [{ name: 'primary', model: 'some-model' }] }, ...spec },
});

const breaker = (name: string, target: object, spec: object = {}): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: { name },
  spec: { targetRefs: [target], scope: 'Pod', ...spec },
});

const condition = (
  object: { status?: { conditions?: { type: string; status: string; reason: string }[] } },
  type: string,
): string | undefined => {
  const found = object.status?.conditions?.find((one) => one.type === type);
  return found && `${found.status} ${found.reason}`;
};

const current = (
  object: KubernetesObject & { status?: { observedGeneration?: number } },
): boolean => object.status?.observedGeneration === object.metadata.generation;

interface Configuration {
  revision: { term: number; counter: number };
  hash: string;
  content: { circuits: { policy?: string; openDurationMs: number }[] };
}

const configurationOf = async (
  namespace: string,
  name: string,
): Promise<Configuration | undefined> => {
  const map = await server.get<{ data: Record<string, string> }>(
    `/api/v1/namespaces/${namespace}/configmaps/${name}-configuration`,
  );
  return map && (JSON.parse(map.data['configuration.json']!) as Configuration);
};

describe('an agent', () => {
  it('keeps what kubectl rollout restart writes, after an edit too', async () => {
    const namespace = await server.namespace('restart');
    const path = `${OURS}/${namespace}/agentdeployments/one`;
    const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
    await server.apply(path, agent('one'));
    await server.until<AgentDeployment>(path, (object) => current(object));
    const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-11-25T10:00:00Z' };
    const { status } = await server.request('PATCH', deployment, {
      contentType: 'application/merge-patch+json',
      body: { spec: { template: { metadata: { annotations } } } },
    });
    expect(status).toBe(200);
    await server.apply(path, agent('one', { replicas: 2 }));
    interface Restarted extends KubernetesObject {
      spec: { replicas: number; template: { metadata: { annotations: Record<string, string> } } };
    }
    const { spec } = await server.until<Restarted>(deployment, (each) => each.spec.replicas === 2);
    expect(spec.template.metadata.annotations).toMatchObject(annotations);
  });

  it('gets its objects, a configuration and a status', async () => {
    const namespace = await server.namespace('agent');
    await server.apply(`${OURS}/${namespace}/agentdeployments/one`, agent('one', { replicas: 3 }));
    const seen = await server.until<AgentDeployment>(
      `${OURS}/${namespace}/agentdeployments/one`,
      (object) => current(object),
    );
    expect(seen.status).toMatchObject({
      image: 'runtime:1',
      endpoint: `http://one.${namespace}.svc`,
      summary: { ready: '0/3', policies: '0/0' },
      dependencies: [{ name: 'model/primary', circuit: 'Unknown' }],
    });
    expect(condition(seen, 'Ready')).toMatch(/^False/);
    const configuration = await configurationOf(namespace, 'one');
    expect(configuration?.content.circuits).toMatchObject([{ openDurationMs: 20_000 }]);
    for (const path of [
      `/api/v1/namespaces/${namespace}/serviceaccounts/one`,
      `/api/v1/namespaces/${namespace}/services/one`,
      `/api/v1/namespaces/${namespace}/services/one-headless`,
      `/apis/apps/v1/namespaces/${namespace}/deployments/one`,
    ]) {
      const child = await server.get<KubernetesObject>(path);
      expect(child?.metadata.ownerReferences?.[0]).toMatchObject({
        name: 'one',
        uid: seen.metadata.uid,
        controller: true,
      });
    }
  });

  it('gets its objects back after others change or delete them', async () => {
    const namespace = await server.namespace('drift');
    await server.apply(`${OURS}/${namespace}/agentdeployments/one`, agent('one'));
    const service = `/api/v1/namespaces/${namespace}/services/one`;
    await server.until(service);
    await server.request('PATCH', service, {
      contentType: 'application/merge-patch+json',
      body: { spec: { selector: { 'breakwater.dev/agent': 'other' } } },
    });
    await server.until<{ spec: { selector: Record<string, string> } }>(
      service,
      ({ spec }) => spec.selector['breakwater.dev/agent'] === 'one',
    );
    const configMap = `/api/v1/namespaces/${namespace}/configmaps/one-configuration`;
    const before = await configurationOf(namespace, 'one');
    await server.request('DELETE', configMap);
    await server.until(configMap);
    expect((await configurationOf(namespace, 'one'))?.hash).toBe(before?.hash);
  });

  it('leaves an object of somebody else alone and says so', async () => {
    const namespace = await server.namespace('foreign');
    const service = `/api/v1/namespaces/${namespace}/services/one`;
    await server.request('POST', `/api/v1/namespaces/${namespace}/services`, {
      body: { metadata: { name: 'one' }, spec: { ports: [{ port: 5432 }] } },
    });
    await server.apply(`${OURS}/${namespace}/agentdeployments/one`, agent('one'));
    const seen = await server.until<AgentDeployment>(
      `${OURS}/${namespace}/agentdeployments/one`,
      (object) => condition(object, 'Degraded')?.startsWith('True') === true,
    );
    expect(JSON.stringify(seen.status?.conditions)).toContain('Service one already exists');
    expect(await server.get<{ spec: { ports: unknown } }>(service)).toMatchObject({
      spec: { ports: [{ port: 5432 }] },
      metadata: { name: 'one' },
    });
  });

  it('whose pod template the API server refuses says why, and runs again once the template is mended', async () => {
    const namespace = await server.namespace('template');
    const path = `${OURS}/${namespace}/agentdeployments/one`;
    await server.apply(
      path,
      agent('one', {
        podTemplate: {
          spec: { containers: [{ name: 'agent', resources: { requests: { cpu: 'much' } } }] },
        },
      }),
    );
    const refused = await server.until<AgentDeployment>(
      path,
      (object) => condition(object, 'Ready') === 'False InvalidPodTemplate',
    );
    expect(JSON.stringify(refused.status?.conditions)).toContain(
      'much is not a quantity; write 256Mi or 500m',
    );
    await server.apply(path, agent('one'));
    await server.until(`/apis/apps/v1/namespaces/${namespace}/deployments/one`);
  });

  it.each<[string, () => object, string]>([
    ['3,000 levels', () => ({ nodeSelector: nested(3000) }), 'is nested more than 32 levels deep'],
    ['300 KB', () => ({ nodeSelector: many(15_000) }), 'has more than 131072 bytes'],
  ])('whose pod template has %s says what to change, once', async (_, spec, message) => {
    const namespace = await server.namespace('large');
    const before = await failures();
    const path = `${OURS}/${namespace}/agentdeployments/one`;
    await server.apply(path, agent('one', { podTemplate: { spec: spec() } }));
    const refused = await server.until<AgentDeployment>(
      path,
      (object) => condition(object, 'Ready') === 'False InvalidPodTemplate',
    );
    expect(JSON.stringify(refused.status?.conditions)).toContain('spec.podTemplate');
    expect(JSON.stringify(refused.status?.conditions)).toContain(message);
    expect(await failures()).toBe(before);
    await server.apply(path, agent('one'));
    await server.until(`/apis/apps/v1/namespaces/${namespace}/deployments/one`);
  });
});

/** Reconciles that failed, which are repeated. */
async function failures(): Promise<number> {
  const text = await registry.metrics();
  return [...text.matchAll(/^controller_runtime_reconcile_errors_total\{[^}]*\} (\d+)/gm)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
}

const nested = (levels: number): object =>
  JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as object;
const many = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`name-${i}`, 'v']));

describe('a paused agent', () => {
  const paused = (object: object): object => {
    const { metadata } = object as KubernetesObject;
    return {
      ...object,
      metadata: { ...metadata, annotations: { 'breakwater.dev/paused': 'true' } },
    };
  };
  const deployedReplicas = async (namespace: string): Promise<number | undefined> => {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/one`;
    return (await server.get<{ spec: { replicas: number } }>(path))?.spec.replicas;
  };

  it('keeps its objects and policies as they are, and catches up once it is resumed', async () => {
    const namespace = await server.namespace('paused');
    const path = `${OURS}/${namespace}/agentdeployments/one`;
    const policy = `${OURS}/${namespace}/circuitbreakerpolicies/fast`;
    await server.apply(path, agent('one', { replicas: 2 }));
    await server.until<AgentDeployment>(path, current);
    const before = await configurationOf(namespace, 'one');
    await server.apply(path, paused(agent('one', { replicas: 5 })));
    await server.apply(policy, breaker('fast', { name: 'one' }, { openDuration: '5s' }));
    const seen = await server.until<AgentDeployment>(
      path,
      (object) => current(object) && object.status?.summary?.policies === '1/1',
    );
    expect(condition(seen, 'Progressing')).toBe('False Paused');
    expect(await configurationOf(namespace, 'one')).toEqual(before);
    expect(await deployedReplicas(namespace)).toBe(2);

    await server.apply(path, agent('one', { replicas: 5 }));
    await waitFor('the policy is not in the configuration', WAIT, async () => {
      const configuration = await configurationOf(namespace, 'one');
      return configuration?.content.circuits[0]?.policy === 'fast';
    });
    await waitFor('the Deployment is not scaled', WAIT, async () => {
      return (await deployedReplicas(namespace)) === 5;
    });
    const resumed = await server.until<AgentDeployment>(path, current);
    expect(condition(resumed, 'Progressing')).not.toContain('Paused');
  });

  it('gets no objects if it is new', async () => {
    const namespace = await server.namespace('pausednew');
    const path = `${OURS}/${namespace}/agentdeployments/one`;
    await server.apply(path, paused(agent('one')));
    await server.until<AgentDeployment>(path, current);
    expect(await configurationOf(namespace, 'one')).toBeUndefined();
    expect(await deployedReplicas(namespace)).toBeUndefined();
  });
});

describe('a policy', () => {
  it('is in the configuration of its agent, with a new revision for each change', async () => {
    const namespace = await server.namespace('policy');
    await server.apply(`${OURS}/${namespace}/agentdeployments/one`, agent('one'));
    const path = `${OURS}/${namespace}/circuitbreakerpolicies/fast`;
    await server.apply(path, breaker('fast', { name: 'one' }, { openDuration: '5s' }));
    const accepted = await server.until<CircuitBreakerPolicy>(path, current);
    expect(condition(accepted, 'Accepted')).toBe('True Accepted');
    expect(condition(accepted, 'Programmed')).toBe('True NoPods');
    expect(accepted.status?.state).toBe('Unknown');
    const first = await configurationOf(namespace, 'one');
    expect(first?.content.circuits).toMatchObject([{ policy: 'fast', openDurationMs: 5_000 }]);
    await server.apply(path, breaker('fast', { name: 'one' }, { openDuration: '7s' }));
    await server.until<CircuitBreakerPolicy>(path, current);
    const second = await configurationOf(namespace, 'one');
    expect(second?.content.circuits).toMatchObject([{ openDurationMs: 7_000 }]);
    expect(second!.revision.counter).toBe(first!.revision.counter + 1);
  });

  it('without its target names the target, and takes effect once the target appears', async () => {
    const namespace = await server.namespace('missing');
    const path = `${OURS}/${namespace}/circuitbreakerpolicies/fast`;
    await server.apply(path, breaker('fast', { name: 'later' }));
    const waiting = await server.until<CircuitBreakerPolicy>(path, current);
    expect(condition(waiting, 'Accepted')).toBe('False TargetNotFound');
    expect(JSON.stringify(waiting.status?.conditions)).toContain('later');
    await server.apply(`${OURS}/${namespace}/agentdeployments/later`, agent('later'));
    await server.until<CircuitBreakerPolicy>(
      path,
      (object) => condition(object, 'Accepted') === 'True Accepted',
    );
    await waitFor('the policy is not in the configuration', WAIT, async () => {
      const configuration = await configurationOf(namespace, 'later');
      return configuration?.content.circuits[0]?.policy === 'fast';
    });
  });

  it('that a more specific one replaces everywhere names that one', async () => {
    const namespace = await server.namespace('conflict');
    await server.apply(`${OURS}/${namespace}/agentdeployments/one`, agent('one'));
    const section = { name: 'one', sectionName: 'model/primary' };
    await server.apply(
      `${OURS}/${namespace}/circuitbreakerpolicies/exact`,
      breaker('exact', section),
    );
    const path = `${OURS}/${namespace}/circuitbreakerpolicies/general`;
    await server.apply(path, breaker('general', { name: 'one' }));
    const beaten = await server.until<CircuitBreakerPolicy>(
      path,
      (object) => condition(object, 'Accepted') === 'False Conflicted',
    );
    expect(JSON.stringify(beaten.status?.conditions)).toContain('exact');
    await server.request('DELETE', `${OURS}/${namespace}/circuitbreakerpolicies/exact`);
    await server.until<CircuitBreakerPolicy>(
      path,
      (object) => condition(object, 'Accepted') === 'True Accepted',
    );
  });
});

it('the operator writes nothing while nothing changes', async () => {
  const namespace = await server.namespace('idle');
  const path = `${OURS}/${namespace}/agentdeployments/one`;
  await server.apply(path, agent('one'));
  await server.until<AgentDeployment>(path, current);
  const writes = async (): Promise<number> => {
    const text = await registry.metrics();
    return [...text.matchAll(/^rest_client_requests_total\{([^}]*)\} (\d+)/gm)]
      .filter(([, labels]) => /method="(PATCH|PUT|POST|DELETE)"/.test(labels!))
      .reduce((sum, [, , count]) => sum + Number(count), 0);
  };
  const renewals = async (): Promise<string | undefined> =>
    (
      await server.get<KubernetesObject>(
        '/apis/coordination.k8s.io/v1/namespaces/breakwater-system/leases/breakwater-operator',
      )
    )?.metadata.resourceVersion;
  // Five renewals of the Lease are a stretch of time in which everything else may have settled or not.
  let seen = await renewals();
  let changes = 0;
  let before = 0;
  await waitFor('the Lease is not renewed', 60_000, async () => {
    const version = await renewals();
    if (version !== seen) {
      changes += 1;
      seen = version;
      if (changes === 1) before = await writes();
    }
    return changes === 6;
  });
  expect((await writes()) - before).toBeLessThanOrEqual(5);
}, 90_000);
