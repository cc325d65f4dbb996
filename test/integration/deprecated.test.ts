import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { definitions } from '../../crds/definitions.ts';
import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';

const WAIT = 30_000;
const POLICIES = '/apis/breakwater.dev/v1alpha1/namespaces/default/circuitbreakerpolicies';

let server: ApiServer;

beforeAll(async () => {
  server = await startApiServer();
}, START_TIMEOUT);

afterAll(() => server?.stop());

/** Puts the definition of CircuitBreakerPolicy in force, as it is or without the rules of spec.trip. */
async function define(withRules: boolean): Promise<void> {
  const { definition } = structuredClone(
    definitions().find(({ plural }) => plural === 'circuitbreakerpolicies')!,
  );
  const { spec } = definition.spec.versions[0]!.schema.openAPIV3Schema.properties!;
  if (!withRules) delete spec!.properties!['trip']!['x-kubernetes-validations'];
  const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${definition.metadata.name}`;
  const { body } = await server.request<{ metadata: { resourceVersion: string } }>('GET', path);
  const { resourceVersion } = body.metadata;
  const metadata = { ...definition.metadata, resourceVersion };
  const { status } = await server.request('PUT', path, { body: { ...definition, metadata } });
  expect(status).toBe(200);
}

const policy = (name: string): object => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: { name },
  spec: {
    targetRefs: [{ name: 'triage' }],
    scope: 'Pod',
    trip: { consecutiveFailures: 3, abandonedAfter: '20s' },
  },
});

async function create(name: string, dryRun = false): Promise<number> {
  const query = dryRun ? { dryRun: 'All' } : undefined;
  const { status } = await server.request('POST', POLICIES, {
    body: policy(name),
    ...(query && { query }),
  });
  return status;
}

async function patch(trip: object): Promise<number> {
  const { status } = await server.request<CircuitBreakerPolicy>('PATCH', `${POLICIES}/stored`, {
    contentType: 'application/merge-patch+json',
    body: { spec: { trip } },
  });
  return status;
}

it('an object with a removed field of an earlier release can be edited, and gets the field only once', async () => {
  await define(false);
  await waitFor('the earlier definition is not in force', WAIT, async () => {
    return (await create('any', true)) === 201;
  });
  expect(await create('stored')).toBe(201);
  await define(true);
  await waitFor('the definition is not in force', WAIT, async () => {
    return (await create('other', true)) === 422;
  });

  expect(await patch({ consecutiveFailures: 4 })).toBe(200);
  expect(await patch({ abandonedAfter: '30s' })).toBe(200);
  expect(await patch({ abandonedAfter: null })).toBe(200);
  expect(await patch({ abandonedAfter: '30s' })).toBe(422);
});
