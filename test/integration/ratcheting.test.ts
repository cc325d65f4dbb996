import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { definitions, type Schema } from '../../crds/definitions.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';

const WAIT = 30_000;
const AGENTS = '/apis/breakwater.dev/v1alpha1/namespaces/default/agentdeployments';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
}, START_TIMEOUT);

afterAll(() => server?.stop());

/** Puts the definition of AgentDeployment in force, as it is or without any rule. */
async function define(withRules: boolean): Promise<void> {
  const { definition } = structuredClone(
    definitions().find(({ plural }) => plural === 'agentdeployments')!,
  );
  if (!withRules) stripRules(definition.spec.versions[0]!.schema.openAPIV3Schema);
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
  const { body } = await server.request<{ metadata: { resourceVersion: string } }>('GET', path);
  const { resourceVersion } = body.metadata;
  const metadata = { ...definition.metadata, resourceVersion };
  const { status } = await server.request('PUT', path, { body: { ...definition, metadata } });
  expect(status).toBe(200);
}

function stripRules(schema: Schema): void {
  delete schema['x-kubernetes-validations'];
  for (const each of Object.values(schema.properties ?? {})) stripRules(each);
  if (schema.items) stripRules(schema.items);
}

interface Agent {
  spec: object;
  status?: object;
}

/** What the rules of today refuse. */
const BAD = {
  model: { endpoints: [{ name: 'primary', baseURL: 'https://gateway.example.com/v1' }] },
  timeouts: { request: '30s', firstToken: '45s' },
  autoscaling: { maxReplicas: 2 },
};

async function create(name: string, dryRun: boolean): Promise<number> {
  const { status } = await server.request('POST', AGENTS, {
    body: {
      ...{ apiVersion: 'breakwater.dev/v1alpha1', kind: 'AgentDeployment' },
      ...{ metadata: { name }, spec: BAD },
    },
    ...(dryRun && { query: { dryRun: 'All' } }),
  });
  return status;
}

async function patch(body: object): Promise<number> {
  const { status } = await server.request('PATCH', `${AGENTS}/stored`, {
    contentType: 'application/merge-patch+json',
    body,
  });
  return status;
}

it('a stored object that breaks newer rules keeps its status and its other fields editable', async () => {
  await define(false);
  await waitFor('the earlier definition is not in force', WAIT, async () => {
    return (await create('any', true)) === 201;
  });
  expect(await create('stored', false)).toBe(201);
  await define(true);
  await waitFor('the definition is not in force', WAIT, async () => {
    return (await create('other', true)) === 422;
  });

  const { body: stored } = await server.request<Agent>('GET', `${AGENTS}/stored`);
  const written = await server.request<Agent>('PUT', `${AGENTS}/stored/status`, {
    body: { ...stored, status: { replicas: 2 } },
  });
  expect([written.status, written.body.status]).toEqual([200, { replicas: 2 }]);
  expect(await patch({ metadata: { finalizers: ['example.com/kept'] } })).toBe(200);
  expect(await patch({ spec: { replicas: 2, auth: { type: 'None' } } })).toBe(200);
  expect(await patch({ spec: { model: { loadBalancing: 'RoundRobin' } } })).toBe(200);

  const endpoint = { name: 'primary', baseURL: 'https://other.example.com/v1' };
  expect(await patch({ spec: { model: { endpoints: [endpoint] } } })).toBe(422);
  expect(await patch({ spec: { timeouts: { firstToken: '50s' } } })).toBe(422);
  expect(await patch({ spec: { timeouts: { firstToken: '20s' } } })).toBe(200);
});
