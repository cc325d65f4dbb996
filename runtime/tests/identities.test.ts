import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import type { Endpoint } from '../../contract/generated/types.ts';
import { Clouds, assumed, grants, refusedByAWS, serviceAccountToken } from '../testing/clouds.ts';
import { send } from '../testing/client.ts';
import { configuration } from '../testing/configuration.ts';
import { startRuntime } from '../testing/runtime.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { Cleanups } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from '../testing/upstream.ts';
import type { FakeEndpoint, Seen } from '../testing/upstream.ts';

const TENANT = '00000000-1111-2222-3333-444444444444';
const REFUSED = { type: 'error', error: { type: 'authentication_error', message: 'no' } };

let clouds: Clouds;
const cleanups = new Cleanups();
beforeAll(async () => {
  clouds = await new Clouds().start();
});
afterAll(() => clouds.cleanups.run());
beforeEach(() => {
  clouds.answer = grants;
  clouds.secure.seen.length = 0;
});
afterEach(() => cleanups.run());

type Answer = (response: ServerResponse, seen: Seen) => void;

const fine: Answer = (response) => answerJson(response, MESSAGE);

interface Scene {
  agent: StartedRuntime;
  endpoint: FakeEndpoint;
}

const model = async (answer: Answer): Promise<FakeEndpoint> => {
  const endpoint = await fakeEndpoint(answer);
  cleanups.add(() => endpoint.close());
  return endpoint;
};

/** An agent whose first endpoint names an application of Azure. */
const scene = async (
  answer: Answer,
  others: (Partial<Endpoint> & Pick<Endpoint, 'name'>)[] = [],
): Promise<Scene> => {
  const endpoint = await model(answer);
  const directory = await clouds.token(serviceAccountToken());
  const identity = { azure: { tenantID: TENANT, clientID: 'client' }, directory };
  const own = { name: 'primary', baseURL: endpoint.url, identity, priority: 0 };
  const content = { ...clouds.network(), endpoints: [own, ...others] };
  const agent = await startRuntime(configuration(endpoint.url, content));
  cleanups.add(() => agent.stop());
  return { agent, endpoint };
};

const metrics = async ({ agent }: Scene): Promise<string> =>
  agent.runtime.metrics.registry.metrics();

/** The tokens that requests had, in order. */
const shown = ({ endpoint }: Scene): (string | undefined)[] =>
  endpoint.seen.map(({ headers }) => headers.authorization);

/** Gives the token of this name at each exchange. */
const named = (): Answer => {
  let count = 0;
  return (response) => {
    count += 1;
    answerJson(response, { access_token: `token-${count}`, expires_in: 3600 });
  };
};

describe('an endpoint with an identity', () => {
  it('gets its credentials in place of the client’s, from the first request on', async () => {
    const slow = Promise.withResolvers<undefined>();
    clouds.answer = (response, seen) => void slow.promise.then(() => grants(response, seen));
    const context = await scene(fine);
    const headers = { 'x-api-key': 'of-client', authorization: 'Bearer of-client' };
    const asked = send(context.agent.url, { headers });
    await until(() => clouds.secure.seen.length === 1);
    slow.resolve(undefined);
    expect((await asked).status).toBe(200);
    expect(shown(context)).toEqual(['Bearer cloud-token']);
    expect(context.endpoint.seen[0]!.headers['x-api-key']).toBeUndefined();
    expect(await metrics(context)).toMatch(
      /^identity_refreshes_total\{cloud="azure",result="renewed"\} 1$/m,
    );
    expect(context.agent.logs.join('')).not.toMatch(/cloud-token|of-client/);
    expect(context.agent.runtime.snapshot().identities).toEqual([]);
  });

  it('is passed over without credentials, and says why', async () => {
    clouds.answer = (response) =>
      answerJson(response, { error_codes: [700016], error_description: `not in ${TENANT}` }, 400);
    const second = await model(fine);
    const context = await scene(fine, [{ name: 'second', baseURL: second.url, priority: 1 }]);
    expect((await send(context.agent.url)).status).toBe(200);
    expect([context.endpoint.seen.length, second.seen.length]).toEqual([0, 1]);
    await until(() => context.agent.runtime.snapshot().identities?.length === 1);
    const [trouble] = context.agent.runtime.snapshot().identities!;
    expect(trouble).toMatchObject({ dependency: 'model/primary', serves: false });
    expect(trouble!.problem).toMatch(/identity.azure.clientID .*AADSTS700016/);
    expect(context.agent.logs.join('')).not.toContain(TENANT);
  });

  it('alone answers 503 until an exchange succeeds', async () => {
    clouds.answer = (response) => {
      response.writeHead(403).end(refusedByAWS('AccessDenied'));
    };
    const context = await scene(fine);
    const refused = await send(context.agent.url);
    expect(refused.status).toBe(503);
    expect(refused.headers).toMatchObject({
      'x-breakwater-reason': 'IdentityUnavailable',
      'retry-after': expect.any(String),
    });
    expect(refused.body.toString()).not.toMatch(/AccessDenied|111122223333/);
    clouds.answer = grants;
    await until(async () => (await send(context.agent.url)).status === 200, 10_000);
  });

  it.each([401, 403])(
    'that answers %d is asked once more, with fresh credentials',
    async (status) => {
      clouds.answer = named();
      const context = await scene((response, { headers }) => {
        if (headers.authorization === 'Bearer token-2') answerJson(response, MESSAGE);
        else answerJson(response, REFUSED, status);
      });
      expect((await send(context.agent.url)).status).toBe(200);
      expect(shown(context)).toEqual(['Bearer token-1', 'Bearer token-2']);
      expect(context.agent.runtime.guard.gates()).toMatchObject([{ gate: 'None' }]);
    },
  );

  it('that refuses fresh credentials too shuts the gate of the identity', async () => {
    clouds.answer = named();
    const context = await scene((response) => answerJson(response, REFUSED, 401));
    const gate = (): string | undefined => context.agent.runtime.guard.gates()[0]?.gate;
    await until(async () => {
      await send(context.agent.url);
      return gate() === 'Unauthorized';
    }, 10_000);
    expect(clouds.secure.seen).toHaveLength(2);
    const { headers } = await send(context.agent.url);
    expect(headers['x-breakwater-reason']).toBe('CredentialRefused');
  });
});

describe('an endpoint at AWS with a role', () => {
  it.each([0, 10])(
    'is asked with signatures by the clock of AWS, %d min ahead of ours',
    async (minutes) => {
      const ahead = minutes * 60_000;
      clouds.answer = (response) => {
        const now = Date.now() + ahead;
        response.writeHead(200, { date: new Date(now).toUTCString() });
        response.end(assumed(new Date(now + 3_600_000).toISOString()));
      };
      const endpoint = await model(fine);
      const directory = await clouds.token(serviceAccountToken());
      const aws = { roleARN: 'arn:aws:iam::111122223333:role/models', region: 'eu-west-1' };
      const own = {
        name: 'primary',
        provider: 'Bedrock',
        region: 'eu-west-1',
        baseURL: endpoint.url,
      };
      const endpoints = [{ ...own, identity: { aws, directory } }];
      const agent = await startRuntime(
        configuration(endpoint.url, { ...clouds.network(), endpoints }),
      );
      cleanups.add(() => agent.stop());
      const headers = { authorization: 'Bearer of-client', 'x-amz-security-token': 'of-client' };
      expect((await send(agent.url, { headers })).status).toBe(200);
      const { headers: sent } = endpoint.seen[0]!;
      expect(sent.authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=ASIAROLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request, /,
      );
      expect(sent['x-amz-security-token']).toBe('role-session==');
      const [, day, time] = /^(\d{8})T(\d{6})Z$/.exec(String(sent['x-amz-date']))!;
      const signedAt = Date.parse(
        `${day!.replace(/(....)(..)(..)/, '$1-$2-$3')}T${time!.replace(/(..)(..)(..)/, '$1:$2:$3')}Z`,
      );
      expect(Math.abs(signedAt - Date.now() - ahead)).toBeLessThan(10_000);
      expect(agent.logs.join('').includes('behind that of the cloud')).toBe(minutes > 0);
    },
  );
});
