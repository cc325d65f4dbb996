import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { prometheusOperatorDefinitions } from '../../cluster/local/prometheusOperator.ts';
import { restarts } from '../../kit/agents.ts';
import { hasCondition } from '../../kit/conditions.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

jest.setTimeout(300_000);

/** The operator checks twice a minute. */
const NOTICED = { timeoutMs: 90_000, everyMs: 500 };

interface ServiceMonitor extends KubernetesObject {
  spec: {
    selector: { matchLabels: Record<string, string> };
    endpoints: { port: string; path: string }[];
  };
}

interface EndpointSlice extends KubernetesObject {
  ports: { name?: string; port: number }[];
  endpoints: { addresses: string[] }[];
}

describe('prometheus-operator in a cluster with agents', () => {
  let sandbox: Sandbox;
  let files: string[];
  let foreign: boolean;

  beforeAll(async () => {
    files = await prometheusOperatorDefinitions();
    sandbox = await Sandbox.open('monitoring');
    foreign = (await definitions()) !== '';
    const [model, traffic] = await Promise.all([sandbox.model(), sandbox.traffic()]);
    const monitoring = { serviceMonitor: { enabled: true }, alerts: { enabled: true } };
    await sandbox.apply(
      sandbox.agent({ name: 'dial', replicas: 2, baseURL: model.baseURL, spec: { monitoring } }),
    );
    await sandbox.served('dial', traffic);
  });

  afterAll(async () => {
    if (!foreign) await remove();
    await sandbox?.close();
  });

  const definitions = (): Promise<string> =>
    sandbox.kubectl.run([
      ...['get', 'customresourcedefinitions', '--ignore-not-found', '-o', 'name'],
      ...['servicemonitors.monitoring.coreos.com', 'prometheusrules.monitoring.coreos.com'],
    ]);
  const install = (): Promise<string> =>
    sandbox.kubectl.run(['apply', '--server-side', ...files.flatMap((file) => ['-f', file])]);
  const remove = (): Promise<string> =>
    sandbox.kubectl.run(['delete', '--ignore-not-found', ...files.flatMap((file) => ['-f', file])]);

  const monitored = (status: 'True' | 'False', reason: string): Promise<AgentDeployment> =>
    waitFor(
      `Monitored is ${status} for ${reason}`,
      () => sandbox.agents.agent('dial'),
      (agent) => hasCondition(agent, 'Monitored', status, reason),
      NOTICED,
    );

  const headless = (): Promise<KubernetesObject> =>
    sandbox.api.get('services', sandbox.namespace, 'dial-headless');

  const untilScraped = (byAnnotation: boolean): Promise<KubernetesObject> =>
    waitFor(
      `the headless Service ${byAnnotation ? 'has' : 'has no'} annotations to scrape`,
      headless,
      ({ metadata }) =>
        (metadata.annotations?.['prometheus.io/scrape'] === 'true') === byAnnotation,
      NOTICED,
    );

  async function pods(): Promise<unknown> {
    const all = await sandbox.agents.pods('dial');
    return [all.map(({ metadata }) => metadata.uid).sort(), restarts(all)];
  }

  it('is used while it is installed, without a restart of pods', async () => {
    const before = await pods();
    if (!foreign) {
      await monitored('False', 'NotInstalled');
      await untilScraped(true);
      await install();
    }
    await monitored('True', 'Monitored');
    await untilScraped(false);
    await sandbox.kubectl.run(['get', 'prometheusrule', 'dial', '-n', sandbox.namespace]);

    const monitor = JSON.parse(
      await sandbox.kubectl.run([
        ...['get', 'servicemonitor', 'dial', '-n', sandbox.namespace, '-o', 'json'],
      ]),
    ) as ServiceMonitor;
    expect(await targets(monitor)).toEqual(
      (await sandbox.agents.readyPods('dial')).map(({ status }) => `${status?.podIP}:9090`).sort(),
    );

    if (!foreign) {
      await remove();
      await monitored('False', 'NotInstalled');
      await untilScraped(true);
    }
    expect(await pods()).toEqual(before);
  });

  /** Targets of a ServiceMonitor: the addresses behind this port of the Services that it selects. */
  async function targets({ spec }: ServiceMonitor): Promise<string[]> {
    const selector = Object.entries(spec.selector.matchLabels)
      .map(([key, value]) => `${key}=${value}`)
      .join(',');
    const services = await sandbox.api.list('services', sandbox.namespace, selector);
    expect(services.length).toBeGreaterThan(0);
    const slices = await Promise.all(
      services.map(({ metadata }: KubernetesObject) =>
        sandbox.api.list<EndpointSlice>(
          'endpointslices',
          sandbox.namespace,
          `kubernetes.io/service-name=${metadata.name}`,
        ),
      ),
    );
    const [endpoint] = spec.endpoints;
    return slices
      .flat()
      .flatMap(({ ports, endpoints }) =>
        ports
          .filter(({ name }) => name === endpoint?.port)
          .flatMap(({ port }) =>
            endpoints.flatMap(({ addresses }) => addresses.map((address) => `${address}:${port}`)),
          ),
      )
      .sort();
  }
});
