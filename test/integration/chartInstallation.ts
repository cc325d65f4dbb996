import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { CHART, IMAGES } from '../../config/render.ts';
import type { Deployment } from '../../operator/kube/types.ts';
import { settingsFrom, type Settings } from '../../operator/settings.ts';
import { run } from '../cluster/common/command.ts';
import { helmBinaries } from '../cluster/local/binaries.ts';
import type { ApiServer } from './apiserver.ts';

/** An installation of the chart on a test's API server. Its operator runs in the process of the test. */
export interface ChartInstallation {
  /** Path of a kubeconfig with the operator's ServiceAccount and its roles from the chart. */
  kubeconfig: string;
  /** The operator's settings from the chart's Deployment, with free ports. */
  settings: Settings;
  /** Removes the kubeconfig. */
  remove(): Promise<void>;
}

/** Installs the chart as `name` without the definitions. Creates the namespace unless it exists. */
export async function installChart(
  server: ApiServer,
  name: string,
  namespace: string,
  values: Record<string, unknown> = {},
): Promise<ChartInstallation> {
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-installation-'));
  const file = join(directory, 'values.yaml');
  await writeFile(
    file,
    stringify({ image: IMAGES, ...values, fullnameOverride: name, crds: { install: false } }),
  );
  await run(join(await helmBinaries(), 'helm'), [
    ...['install', name, CHART, '--namespace', namespace, '--create-namespace'],
    ...['--kubeconfig', server.kubeconfig, '--values', file],
  ]);
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, await credentials(server, namespace, name));
  return {
    kubeconfig,
    settings: settingsFrom({
      ...(await environment(server, namespace, name)),
      ...{ POD_NAMESPACE: namespace, POD_NAME: name, RUNTIME_IMAGE: 'runtime:1' },
      ...{ METRICS_PORT: '0', HEALTH_PORT: '0', DEBUG_PORT: '0' },
    }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function credentials(server: ApiServer, namespace: string, name: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const { body } = await server.request<{ status: { token: string } }>('POST', path, {
    body: { spec: { expirationSeconds: 3600 } },
  });
  const config = parse(await readFile(server.kubeconfig, 'utf8')) as { users: { user: object }[] };
  config.users[0]!.user = { token: body.status.token };
  return stringify(config);
}

async function environment(
  server: ApiServer,
  namespace: string,
  name: string,
): Promise<Record<string, string>> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
  const { body } = await server.request<Deployment>('GET', path);
  const [container] = body.spec.template.spec!.containers;
  const env = (container as { env?: { name: string; value?: string }[] }).env!;
  return Object.fromEntries(env.map(({ name, value }) => [name, value ?? '']));
}
