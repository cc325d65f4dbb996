import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Content } from '../../contract/generated/types.ts';
import type { ExchangeContext, IdentityEnvironment } from '../model/identity/exchange.ts';
import { Credentials } from '../mounts/credentials.ts';
import { Agents } from '../network/agents.ts';
import { Network } from '../network/network.ts';
import { testAuthority } from './certificates.ts';
import { TestProxy } from './proxy.ts';
import { Cleanups } from './setup.ts';
import { answerJson, fakeEndpoint } from './upstream.ts';
import type { FakeEndpoint, Seen } from './upstream.ts';

/** Hosts of clouds that exchange tokens. */
const HOSTS = [
  'sts.eu-west-1.amazonaws.com',
  'sts.cn-north-1.amazonaws.com.cn',
  'sts.googleapis.com',
  'iamcredentials.googleapis.com',
  'login.microsoftonline.com',
];

export const SUBJECT = 'system:serviceaccount:support:triage';

type Answer = (response: ServerResponse, seen: Seen) => void | Promise<void>;

/** Fake clouds behind a proxy, with certificates of a private authority, and metadata servers on this machine. */
export class Clouds {
  readonly cleanups = new Cleanups();
  /** Answers all requests. Default: as the clouds do. */
  answer: Answer = grants;
  proxy!: TestProxy;
  secure!: FakeEndpoint;
  plain!: FakeEndpoint;
  /** The file of the authority. */
  authority = '';
  directory = '';

  async start(): Promise<this> {
    const directory = await mkdtemp(join(tmpdir(), 'clouds-'));
    this.directory = directory;
    this.cleanups.add(() => rm(directory, { recursive: true }));
    const authority = await testAuthority();
    this.authority = join(directory, 'ca.crt');
    await writeFile(this.authority, authority.cert);
    const answer: Answer = (response, seen) => this.answer(response, seen);
    this.secure = await fakeEndpoint(answer, await authority.issueFor(...HOSTS, 'localhost'));
    this.cleanups.add(() => this.secure.close());
    this.plain = await fakeEndpoint(answer);
    this.cleanups.add(() => this.plain.close());
    this.proxy = await new TestProxy().start();
    this.cleanups.add(() => this.proxy.stop());
    for (const host of HOSTS) this.proxy.knows(`${host}:443`, this.secure.url);
    return this;
  }

  /** Mounts a token and gives its directory. */
  async token(text: string, name = 'identity'): Promise<string> {
    const directory = join(this.directory, name);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'token'), text);
    return directory;
  }

  /** Settings of a network that reaches the clouds. */
  network(): Pick<Content, 'proxy' | 'trustedCA'> {
    const url = this.proxy.url();
    return {
      proxy: { http: url, https: url, noProxy: [] },
      trustedCA: { path: this.authority, configMap: 'ca', key: 'ca.crt' },
    };
  }

  context(content = this.network(), date = (): Date => new Date()): ExchangeContext {
    const network = new Network({
      environment: { proxies: { except: () => false }, unusable: [] },
      credentials: new Credentials(() => 0),
      connectMs: () => 2000,
      log: pino({ level: 'silent' }),
    });
    network.apply({ ...content, endpoints: [] });
    const agents = new Agents(network, {});
    this.cleanups.add(() => agents.destroy());
    return {
      ...{ dispatcher: () => agents.of(), date, podName: 'triage-7d4b-x2x' },
      environment: this.environment(),
    };
  }

  /** Variables of the metadata servers on this machine. */
  environment(): IdentityEnvironment {
    const { host } = new URL(this.plain.url);
    return {
      metadataHost: host,
      containerCredentialsURI: `${this.plain.url}/v1/credentials`,
      containerTokenFile: join(this.directory, 'identity', 'token'),
    };
  }
}

/** A token as the API server makes it, unsigned. */
export function serviceAccountToken(claims: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  return `${part({ alg: 'RS256' })}.${part({ sub: SUBJECT, exp: inAnHour, ...claims })}.c2lnbmF0dXJl`;
}

/** In whole seconds, as clouds write times. */
const inAnHour = (): string => `${new Date(Date.now() + 3_600_000).toISOString().slice(0, 19)}Z`;

/** The answers of clouds that grant everything, for an hour. */
export function grants(response: ServerResponse, { url, body }: Seen): void {
  if (body.includes('AssumeRoleWithWebIdentity')) {
    response.writeHead(200, { 'content-type': 'text/xml' }).end(assumed(inAnHour()));
  } else if (url.startsWith('/v1/credentials')) {
    answerJson(response, {
      ...{ AccessKeyId: 'ASIAPOD', SecretAccessKey: 'pod-secret', Token: 'pod-session' },
      ...{ Expiration: inAnHour(), AccountId: '111122223333' },
    });
  } else if (url.endsWith(':generateAccessToken')) {
    answerJson(response, { accessToken: 'account-token', expireTime: inAnHour() });
  } else {
    answerJson(response, { access_token: 'cloud-token', expires_in: 3600, token_type: 'Bearer' });
  }
}

/** An answer of AWS STS. */
export function assumed(expiration: string): string {
  return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/models/x</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAROLE</AccessKeyId>
      <SecretAccessKey>role/secret+</SecretAccessKey>
      <SessionToken>role-session==</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
    <SubjectFromWebIdentityToken>${SUBJECT}</SubjectFromWebIdentityToken>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`;
}

/** An error of AWS STS. Its message names what nobody else may read. */
export function refusedByAWS(code: string): string {
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>Not authorized: arn:aws:iam::111122223333:role/models</Message></Error><RequestId>x</RequestId></ErrorResponse>`;
}
