import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { resourcePath, type KubernetesObject } from '../../operator/kube/index.ts';
import {
  ConfigMaps,
  Deployments,
  HorizontalPodAutoscalers,
  NetworkPolicies,
  PodDisruptionBudgets,
  ServiceAccounts,
  Services,
} from '../../operator/resources/resources.ts';
import { startApiServer, START_TIMEOUT, type ApiServer, type Status } from './apiserver.ts';

const RESOURCES = [
  ConfigMaps,
  ServiceAccounts,
  Services,
  Deployments,
  HorizontalPodAutoscalers,
  PodDisruptionBudgets,
  NetworkPolicies,
];
const TESTDATA = join(import.meta.dirname, '../../operator/desired/testdata');

/** Golden files of built-in kinds. */
const files = globSync(join(TESTDATA, '*/*.golden.yaml'))
  .map((file) => ({
    name: `${basename(dirname(file))}/${basename(file, '.golden.yaml')}`,
    object: parse(readFileSync(file, 'utf8')) as KubernetesObject,
  }))
  .filter(({ object }) => RESOURCES.some(({ kind }) => kind === object.kind))
  .sort((a, b) => a.name.localeCompare(b.name));

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: 'support' } } });
}, START_TIMEOUT);

afterAll(() => server.stop());

it('the golden files contain every kind', () => {
  const kinds = new Set(files.map(({ object }) => object.kind));
  expect([...kinds].sort()).toEqual(RESOURCES.map(({ kind }) => kind).sort());
});

it.each(files)(
  'the API server accepts the golden file $name and knows all its fields',
  async ({ object }) => {
    const { namespace, name } = object.metadata;
    const resource = RESOURCES.find(({ kind }) => kind === object.kind)!;
    const { status, body } = await server.request<Status>(
      'PATCH',
      resourcePath(resource, namespace, name),
      {
        query: { dryRun: 'All', fieldManager: 'test', fieldValidation: 'Strict' },
        contentType: 'application/apply-patch+yaml',
        body: object,
      },
    );
    expect([status, body.message]).toEqual([201, undefined]);
  },
);
