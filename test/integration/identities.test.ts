/** The tokens that agents show to clouds, at a real API server. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';

let server: ApiServer;
const anybody = new Agent({ connect: { rejectUnauthorized: false } });

beforeAll(async () => {
  server = await startApiServer();
}, START_TIMEOUT);
afterAll(async () => {
  await anybody.close();
  await server?.stop();
});

/** A token as the kubelet gets it for a projected volume; for the API server itself without an audience. */
async function tokenFor(namespace: string, audience?: string): Promise<string> {
  const { status, body } = await server.request<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/triage/token`,
    {
      body: {
        ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' },
        spec: { expirationSeconds: 3600, ...(audience && { audiences: [audience] }) },
      },
    },
  );
  expect(status).toBe(201);
  return body.status.token;
}

/** Status of a request with the token, and whether the API server takes the token for its own audience. */
async function accepted(token: string): Promise<[status: number, authenticated: boolean]> {
  const { statusCode, body } = await request(`${server.url}/api/v1/namespaces/default`, {
    headers: { authorization: `Bearer ${token}` },
    dispatcher: anybody,
  });
  await body.dump();
  const review = await server.request<{ status: { authenticated?: boolean } }>(
    'POST',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    {
      body: {
        ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
        spec: { token },
      },
    },
  );
  return [statusCode, review.body.status.authenticated ?? false];
}

it('the API server refuses a token for a cloud, and takes one for itself', async () => {
  const namespace = await server.namespace('identities');
  await server.apply(`/api/v1/namespaces/${namespace}/serviceaccounts/triage`, {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'triage' } },
  });
  // Known, but without rights.
  expect(await accepted(await tokenFor(namespace))).toEqual([403, true]);
  for (const audience of [
    'sts.amazonaws.com',
    '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
    'api://AzureADTokenExchange',
  ]) {
    expect(await accepted(await tokenFor(namespace, audience))).toEqual([401, false]);
  }
});
