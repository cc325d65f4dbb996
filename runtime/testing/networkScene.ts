import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsOptions } from 'node:tls';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Parts } from './resolved.ts';
import { basicAuthorization } from '../network/proxies.ts';
import { testAuthority } from './certificates.ts';
import type { Pair, TestAuthority } from './certificates.ts';
import { send } from './client.ts';
import { TOUCHY, configuration } from './configuration.ts';
import { TestProxy } from './proxy.ts';
import { startRuntime } from './runtime.ts';
import type { StartedRuntime } from './runtime.ts';
import { Cleanups } from './setup.ts';
import { until } from './until.ts';
import { MESSAGE, answerJson, fakeEndpoint } from './upstream.ts';
import type { FakeEndpoint } from './upstream.ts';

export const PASSWORD = 'open-sesame';
export const AUTHORIZATION = basicAuthorization('agent', PASSWORD);
export const HOST = 'model.example.com';

/** Two authorities, a proxy, and a directory of mounted files. `cleanups` ends all that it starts. */
export class NetworkScene {
  readonly cleanups = new Cleanups();
  authority!: TestAuthority;
  other!: TestAuthority;
  /** Certificate for HOST and localhost. */
  server!: Pair;
  proxy!: TestProxy;
  directory = '';

  /** Call it before all tests. */
  async makeAuthorities(): Promise<void> {
    this.authority = await testAuthority('corporate');
    this.other = await testAuthority('another');
    this.server = await this.authority.issueFor(HOST, 'localhost');
  }

  /** Call it before each test. */
  async begin(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'network-'));
    this.directory = directory;
    this.cleanups.add(() => rm(directory, { recursive: true }));
    this.proxy = await new TestProxy().start();
    this.cleanups.add(() => this.proxy.stop());
  }

  /** Replaces a mounted file atomically, as the kubelet does. */
  readonly mount = async (name: string, text: string): Promise<string> => {
    const path = join(this.directory, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    return path;
  };

  /** The authorities that an agent trusts. */
  readonly trusting = async (...trusted: TestAuthority[]): Promise<Pick<Content, 'trustedCA'>> => {
    const path = await this.mount('ca.crt', trusted.map(({ cert }) => cert).join('\n'));
    return { trustedCA: { path, configMap: 'corporate-ca', key: 'ca.crt' } };
  };

  /** A value of a Secret. */
  readonly secret = async (
    key: string,
    value: string,
  ): Promise<NonNullable<Endpoint['credential']>> => ({
    path: await this.mount(key, value),
    secret: 'mine',
    key,
  });

  readonly clientCertificate = async ({
    cert,
    key,
  }: Pair): Promise<Endpoint['clientCertificate']> => ({
    certificate: await this.secret('tls.crt', cert),
    key: await this.secret('tls.key', key),
  });

  /** Configuration with the proxy for all calls, and its password. */
  readonly throughProxy = async (noProxy: string[] = []): Promise<Pick<Content, 'proxy'>> => {
    this.proxy.authorization = AUTHORIZATION;
    const url = this.proxy.url();
    const credentials = {
      username: await this.secret('username', 'agent'),
      password: await this.secret('password', PASSWORD),
    };
    return { proxy: { http: url, https: url, noProxy, credentials } };
  };

  /** Starts a server with a certificate of the authority. The proxy knows it by a host. */
  readonly secure = async (
    answer: Parameters<typeof fakeEndpoint>[0],
    host = HOST,
    tls: TlsOptions = {},
  ): Promise<FakeEndpoint> => {
    const pair = host === HOST ? this.server : await this.authority.issueFor(host);
    const endpoint = await fakeEndpoint(answer, { ...pair, ...tls });
    this.cleanups.add(() => endpoint.close());
    this.proxy.knows(`${host}:443`, endpoint.url);
    return endpoint;
  };

  readonly plain = async (answer = fine): Promise<FakeEndpoint> => {
    const endpoint = await fakeEndpoint(answer);
    this.cleanups.add(() => endpoint.close());
    return endpoint;
  };

  readonly start = async (
    baseURL: string,
    content: Parts<Content>,
    options: Parameters<typeof startRuntime>[2] = {},
  ): Promise<StartedRuntime> => {
    const agent = await startRuntime(configuration(baseURL, content), undefined, options);
    this.cleanups.add(() => agent.stop());
    return agent;
  };
}

export const fine: Parameters<typeof fakeEndpoint>[0] = (response) => answerJson(response, MESSAGE);

export const ONCE: Pick<Content, 'retry'> = {
  retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 2, budgetPercent: 100, minPerSecond: 1 },
};

export const PATIENT = { ...TOUCHY, trip: { consecutiveFailures: 100_000 } };

/** Class and message of the last failure in the endpoint's circuit. */
export function lastFailure(agent: StartedRuntime): [kind?: string, message?: string] {
  const failure = agent.runtime.guard.circuits()[0]?.lastFailure;
  return [failure?.class, failure?.message];
}

export const circuits = (agent: StartedRuntime): Record<string, string> =>
  Object.fromEntries(agent.runtime.guard.circuits().map((each) => [each.dependency, each.state]));

export const asks = async (agent: StartedRuntime): Promise<number> =>
  (await send(agent.url)).status;

/** Resolves once the agent answers with this status. */
export async function untilAnswered(agent: StartedRuntime, status: number): Promise<void> {
  await until(async () => (await asks(agent)) === status, 10_000);
}
