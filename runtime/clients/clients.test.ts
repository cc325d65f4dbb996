import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Content, Limit } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import type { Answer } from '../testing/client.ts';
import { TELEMETRY, configuration } from '../testing/configuration.ts';
import { CONVERSATION } from '../testing/conversation.ts';
import { Cleanups, errorOf, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import { limitOf } from '../testing/guardFixture.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const TIER = { maxEntries: 10, ttlMs: 60_000 };
const BY_CLIENT: Limit = limitOf({
  target: 'inbound',
  policy: 'fair',
  name: 'each',
  resource: 'Requests',
  refill: { amount: 1, perMs: 3_600_000 },
  capacity: 2,
  key: { type: 'Client' },
});

interface Guarded extends Setup {
  /** Where the clients' keys are. */
  directory: string;
  configure(content: Partial<Content>): void;
}

/** An agent whose clients have the keys given, by name. */
async function withKeys(
  keys: Record<string, string>,
  content: Partial<Content> = {},
): Promise<Guarded> {
  const of = await setup(cleanups, (response) => answerJson(response, MESSAGE));
  const directory = join(of.agent.directory, 'clients');
  await mkdir(directory);
  for (const [name, text] of Object.entries(keys)) await writeFile(join(directory, name), text);
  const auth = { type: 'APIKeys', apiKeys: { path: directory, secret: 'clients' } };
  let counter = 1;
  const configure = (more: Partial<Content>): void => {
    counter += 1;
    of.agent.runtime.configuration.offerPush(
      1,
      configuration(of.endpoint.url, { auth, ...more }, { term: 1, counter }),
    );
  };
  configure(content);
  return { ...of, directory, configure };
}

const ask = ({ agent }: Setup, headers: Record<string, string> = {}): Promise<Answer> =>
  send(agent.url, { headers });
const byKey = (of: Setup, key: string): Promise<Answer> => ask(of, { 'x-api-key': key });
const reason = ({ headers }: Answer): unknown => headers['x-breakwater-reason'];

describe('clients with API keys', () => {
  it.each<[string, Record<string, string>]>([
    ['x-api-key', { 'x-api-key': 'sesame' }],
    ['a bearer token', { authorization: 'Bearer sesame' }],
    ['another key of the same client', { 'x-api-key': 'old-sesame' }],
  ])('are let in by %s, which no endpoint gets', async (_, headers) => {
    const of = await withKeys({ alice: 'sesame\nold-sesame\n' });
    expect((await ask(of, headers)).status).toBe(200);
    expect(of.endpoint.seen[0]!.rawHeaders.join()).not.toContain('sesame');
  });

  it('may send a credential for the model as well', async () => {
    const of = await withKeys({ alice: 'sesame' });
    await ask(of, { authorization: 'Bearer sesame', 'x-api-key': 'of-the-model' });
    const { headers } = of.endpoint.seen[0]!;
    expect([headers['x-api-key'], headers.authorization]).toEqual(['of-the-model', undefined]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['nothing', {}, 'Credentials are missing'],
    ['an empty key', { 'x-api-key': '' }, 'Credentials are missing'],
    ['another scheme', { authorization: 'Basic sesame' }, 'Credentials are missing'],
    ['a wrong key', { 'x-api-key': 'simsim' }, 'not accepted'],
    ['the name of a client', { 'x-api-key': 'alice' }, 'not accepted'],
    [
      'a wrong token beside a right key',
      { authorization: 'Bearer no', 'x-api-key': 'sesame' },
      'not accepted',
    ],
  ])('are refused with %s', async (_, headers, message) => {
    const of = await withKeys({ alice: 'sesame' });
    const answer = await ask(of, headers);
    expect([answer.status, reason(answer)]).toEqual([401, 'Unauthorized']);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(errorOf(answer)).toMatchObject({
      type: 'authentication_error',
      message: expect.stringContaining(message),
    });
    expect(of.endpoint.seen).toHaveLength(0);
  });

  it('follow the mounted keys without a restart', async () => {
    const of = await withKeys({ alice: 'sesame' });
    expect((await byKey(of, 'sesame')).status).toBe(200);
    await writeFile(join(of.directory, 'bob'), 'open');
    await rm(join(of.directory, 'alice'));
    await until(async () => (await byKey(of, 'open')).status === 200);
    await until(async () => (await byKey(of, 'sesame')).status === 401);
  });

  it('get 503 while no key is mounted, and the operator learns which Secret is empty', async () => {
    const of = await withKeys({});
    const answer = await byKey(of, 'sesame');
    expect([answer.status, reason(answer)]).toEqual([503, 'AuthUnavailable']);
    expect(['3', '4', '5']).toContain(answer.headers['retry-after']);
    expect(of.agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'auth', secret: 'clients', key: '*' },
    ]);
  });

  it('may read the health without a key', async () => {
    const of = await withKeys({ alice: 'sesame' });
    expect((await fetch(`${of.agent.url}/health/ready`)).status).toBe(200);
  });

  it('need a key for conversations too', async () => {
    const of = await withKeys({ alice: 'sesame' }, { conversation: CONVERSATION });
    const path = '/v1/conversations';
    expect((await send(of.agent.url, { path, body: '{}' })).status).toBe(401);
  });

  it('each have one bucket, whichever of their keys they show', async () => {
    const of = await withKeys({ alice: 'one\ntwo', bob: 'three' }, { limits: [BY_CLIENT] });
    const statuses: number[] = [];
    for (const key of ['one', 'two', 'one', 'three']) statuses.push((await byKey(of, key)).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });

  it('do not share cached answers', async () => {
    const cache = { scope: 'PerPrincipal', hot: TIER, warm: TIER, cold: TIER };
    const of = await withKeys({ alice: 'one\ntwo', bob: 'three' }, { cache });
    const told: unknown[] = [];
    for (const key of ['one', 'two', 'three']) {
      told.push((await byKey(of, key)).headers['cache-status']);
    }
    const miss = 'breakwater; fwd=miss';
    expect(told).toEqual([miss, 'breakwater; hit; detail=warm', miss]);
  });

  it('are named in logs, but their keys are not', async () => {
    const telemetry = { ...TELEMETRY, logging: { successRatio: 1, levels: {} } };
    const of = await withKeys({ alice: 'sesame' }, { telemetry });
    await byKey(of, 'sesame');
    await byKey(of, 'simsim');
    await until(() => of.agent.logs.some((line) => line.includes('"client":"alice"')));
    const shown =
      of.agent.logs.join('') + (await (await fetch(`${of.agent.debugUrl}/debug/config`)).text());
    expect(shown).not.toMatch(/sesame|simsim/);
    expect(shown).not.toContain(of.directory);
  });

  it('are all refused if the type of authentication is unknown', async () => {
    const of = await withKeys({ alice: 'sesame' });
    of.configure({ auth: { type: 'Telepathy' } });
    expect(reason(await byKey(of, 'sesame'))).toBe('AuthUnavailable');
    expect(of.agent.runtime.snapshot().configuration.unsupported).toContainEqual({
      path: '/auth',
      feature: 'Auth.Telepathy',
    });
  });
});

describe('an address that shows wrong credentials', () => {
  const throttled = async (perMinute: number, more: Partial<Content> = {}): Promise<Guarded> => {
    const of = await withKeys({ alice: 'sesame', bob: 'open' });
    const apiKeys = { path: of.directory, secret: 'clients' };
    const failures = { perMinute, maxAddresses: 10 };
    of.configure({ auth: { type: 'APIKeys', apiKeys, failures }, audit: AUDIT, ...more });
    return of;
  };
  const AUDIT = {
    stdout: false,
    memoryEvents: 100,
    bufferBytes: 100_000,
    required: false,
    authenticationIntervalMs: 0,
    argumentsOf: [],
  };
  const lines = ({ agent }: Setup): string[] => agent.logs.filter((line) => !line.includes('"module":"security"')); // prettier-ignore

  it('is refused before any work is done for it, with retry-after', async () => {
    const of = await throttled(3);
    const statuses: number[] = [];
    for (const key of ['1', '2', '3']) statuses.push((await byKey(of, key)).status);
    expect(statuses).toEqual([401, 401, 401]);
    const before = lines(of).length;
    const held = await byKey(of, '4');
    expect([held.status, reason(held)]).toEqual([429, 'AuthThrottled']);
    expect(Number(held.headers['retry-after'])).toBeGreaterThan(0);
    // A right key that nobody has shown before is not even looked at.
    expect((await byKey(of, 'sesame')).status).toBe(429);
    // One line for each, as for all that is refused.
    await until(() => lines(of).length === before + 2);
    expect(lines(of).at(-1)).toContain('AuthThrottled');
    const text = await of.agent.runtime.metrics.registry.metrics();
    expect(text).toMatch(/reason="AuthThrottled".* 2/);
  });

  it('does not block clients there whose credential was accepted before, until it is removed', async () => {
    const of = await throttled(2);
    expect((await byKey(of, 'sesame')).status).toBe(200);
    for (const key of ['1', '2', '3']) await byKey(of, key);
    expect((await byKey(of, 'sesame')).status).toBe(200);
    expect((await byKey(of, 'open')).status).toBe(429);
    await rm(join(of.directory, 'alice'));
    await until(async () => (await byKey(of, 'sesame')).status === 401);
    expect((await byKey(of, 'sesame')).status).toBe(429);
  });

  it('is the one that trusted proxies name', async () => {
    const of = await throttled(1, { trustedProxies: ['127.0.0.0/8', '::1/128'] });
    const from = (address: string, key: string): Promise<Answer> =>
      ask(of, { 'x-api-key': key, 'x-forwarded-for': address });
    expect((await from('192.0.2.1', 'wrong')).status).toBe(401);
    expect((await from('192.0.2.1', 'wrong')).status).toBe(429);
    expect((await from('192.0.2.2', 'sesame')).status).toBe(200);
    expect((await from('2001:db8::1', 'wrong')).status).toBe(401);
    expect((await from('2001:db8::2', 'wrong')).status).toBe(429);
  });

  it('follows a changed bound at once', async () => {
    const of = await throttled(1);
    await byKey(of, 'wrong');
    expect((await byKey(of, 'open')).status).toBe(429);
    of.configure({});
    expect((await byKey(of, 'open')).status).toBe(200);
  });
});

/** An issuer of tokens with a URL for its public keys. */
class Issuer {
  /** How often its keys were asked for. */
  asked = 0;
  down = false;
  url = '';
  #published: JWK[] = [];
  #signingKey: CryptoKey | undefined;
  #kid = '';

  async start(): Promise<this> {
    const server = createServer((_request, response) => {
      this.asked += 1;
      if (this.down) response.writeHead(500).end();
      else answerJson(response, { keys: this.#published });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
    cleanups.add(() => new Promise((resolve) => server.close(() => resolve())));
    await this.rotate('first');
    return this;
  }

  async rotate(kid: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    this.#published = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256' }];
    this.#signingKey = privateKey;
    this.#kid = kid;
  }

  token(claims: Record<string, unknown> = {}): Promise<string> {
    const all = { iss: 'https://login', aud: 'triage', sub: 'alice@example.com', ...claims };
    const token = new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: this.#kid });
    if (!('exp' in claims)) token.setExpirationTime('1h');
    return token.sign(this.#signingKey!);
  }
}

type Keys = NonNullable<NonNullable<NonNullable<Content['auth']>['jwt']>['keys']>;

async function withTokens(
  content: Partial<Content> = {},
  keys?: Keys,
  clients?: NonNullable<Content['auth']>['clients'],
): Promise<{ of: Setup; issuer: Issuer }> {
  const issuer = await new Issuer().start();
  const jwt = {
    issuer: 'https://login',
    audiences: ['triage', 'other'],
    jwksURL: issuer.url,
    ...(keys && { keys }),
  };
  const of = await setup(cleanups, (response) => answerJson(response, MESSAGE), {
    auth: { type: 'JWT', jwt, ...(clients && { clients }) },
    ...content,
  });
  return { of, issuer };
}

const byToken = (of: Setup, token: string): Promise<Answer> =>
  ask(of, { authorization: `Bearer ${token}` });

describe('clients with tokens', () => {
  it('are let in, and the keys of the issuer are fetched once', async () => {
    const { of, issuer } = await withTokens();
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => byToken(of, await issuer.token())),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(issuer.asked).toBe(1);
    expect(of.endpoint.seen[0]!.headers.authorization).toBeUndefined();
    expect(of.agent.logs.join('')).not.toContain('alice@example.com');
  });

  it('may do what the entry for a claim of their token says, and nothing without one', async () => {
    const claim = { name: 'groups', value: 'readers' };
    const allow = { routes: ['Messages' as const], conversations: 'Own', admin: false };
    const { of, issuer } = await withTokens({}, undefined, [{ claim, allow }]);
    const reasons = [];
    for (const groups of [['writers', 'readers'], ['writers'], undefined]) {
      const answer = await byToken(of, await issuer.token({ groups }));
      reasons.push(answer.headers['x-breakwater-reason'] ?? answer.status);
    }
    expect(reasons).toEqual([200, 'Forbidden', 'Forbidden']);
  });

  it.each<[string, Record<string, unknown>]>([
    ['of another issuer', { iss: 'https://elsewhere' }],
    ['for another audience', { aud: 'somebody' }],
    ['that has expired', { exp: 1_700_000_000 }],
    ['that is not valid yet', { nbf: 4_000_000_000 }],
    ['without a subject', { sub: undefined }],
    ['with an empty subject', { sub: '' }],
  ])('are refused with a token %s', async (_, claims) => {
    const { of, issuer } = await withTokens();
    const answer = await byToken(of, await issuer.token(claims));
    expect([answer.status, reason(answer)]).toEqual([401, 'Unauthorized']);
    expect(of.endpoint.seen).toHaveLength(0);
  });

  it('are refused with a token that does not end, is changed, made up, unsigned or signed with a shared secret', async () => {
    const { of, issuer } = await withTokens();
    const good = await issuer.token();
    const [head, , signature] = good.split('.');
    const claims = { iss: 'https://login', aud: 'triage', sub: 'eve', exp: 4_000_000_000 };
    const eve = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    const shared = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(new TextEncoder().encode('a secret that is long enough for HS256'));
    const endless = await issuer.token({ exp: undefined });
    const bad = [
      endless,
      `${head}.${eve}.${signature}`,
      'made.up.token',
      'x',
      `${none}.${eve}.`,
      shared,
    ];
    const statuses: number[] = [];
    for (const token of bad) statuses.push((await byToken(of, token)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 401]);
    expect((await byToken(of, good)).status).toBe(200);
  });

  it('get 503 while the keys cannot be fetched', async () => {
    const { of, issuer } = await withTokens();
    issuer.down = true;
    const answer = await byToken(of, await issuer.token());
    expect([answer.status, reason(answer)]).toEqual([503, 'AuthUnavailable']);
  });

  it('are let in again after the retry interval of the configuration', async () => {
    const keys = { timeoutMs: 5000, refreshMs: 60_000, maxAgeMs: 60_000, cooldownMs: 20 };
    const { of, issuer } = await withTokens({}, keys);
    issuer.down = true;
    const token = await issuer.token();
    expect((await byToken(of, token)).status).toBe(503);
    issuer.down = false;
    await until(async () => (await byToken(of, token)).status === 200);
  });

  it('each have one bucket', async () => {
    const { of, issuer } = await withTokens({ limits: [BY_CLIENT] });
    const [alice, bob] = [await issuer.token(), await issuer.token({ sub: 'bob' })];
    const statuses: number[] = [];
    for (const token of [alice, alice, alice, bob])
      statuses.push((await byToken(of, token)).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
  });
});
