import type { SecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Content, Endpoint, MountedKey } from '../../contract/generated/types.ts';
import { exceptions } from './exceptions.ts';
import { MountedFile } from '../mounts/mountedFile.ts';
import { basicAuthorization, proxyOf } from './proxies.ts';
import type { Proxies, Proxy, ProxyEnvironment } from './proxies.ts';
import { certificatesIn, secureContextOf } from './trust.ts';
import type { ClientCertificate } from './trust.ts';

type Credential = NonNullable<Endpoint['credential']>;

/** The parts of a configuration that concern connections. */
export type NetworkContent = Pick<Content, 'proxy' | 'trustedCA' | 'endpoints'>;

export interface NetworkDeps {
  /** Proxies from environment variables; spec.proxy takes precedence. */
  environment: ProxyEnvironment;
  credentials: { read(credential: Credential): string | undefined };
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Current settings of connections. Immutable: a change makes a new one. */
export interface NetworkSettings {
  proxies: Proxies;
  /** Trusted authorities; undefined: the system's. */
  secureContext: SecureContext | undefined;
  /** Contexts with the client certificates of endpoints, by endpoint. */
  endpoints: ReadonlyMap<string, SecureContext>;
  connectMs: () => number;
}

/** A key of a Secret that is missing or unusable. */
export interface MissingKey {
  dependency: string;
  secret: string;
  key: string;
}

interface Read {
  proxies: Proxies;
  /** Proxies as logs show them. */
  shown: { http?: string | undefined; https?: string | undefined };
  authorities: string[];
  certificates: Map<string, ClientCertificate>;
}

const NOTHING: NetworkContent = { endpoints: [] };

/**
 * Settings of connections: proxies, private authorities and client certificates, from the configuration in force and
 * from mounted files. `look` finds changed files.
 */
export class Network {
  readonly #deps: NetworkDeps;
  #files = new Map<string, MountedFile>();
  #content: NetworkContent = NOTHING;
  #settings: NetworkSettings;
  /** Checked client certificates, by endpoint. */
  #checked = new Map<string, ClientCertificate & { usable: boolean }>();
  #trusted: { text: string; context: SecureContext | undefined } = { text: '', context: undefined };
  /** Everything that `settings` consists of, as text. */
  #made = '';
  #missing: MissingKey[] = [];
  #missingAuthorities: MountedKey | undefined;
  /** Last authorities read: they stay in force while their file is missing. */
  #authorities: { path: string; certificates: string[] } | undefined;

  constructor(deps: NetworkDeps) {
    this.#deps = deps;
    const { environment, connectMs, log } = deps;
    for (const name of environment.unusable) {
      log.warn({ variable: name }, 'Variable names no HTTP proxy and is not used');
    }
    const { proxies } = environment;
    this.#settings = { proxies, secureContext: undefined, endpoints: new Map(), connectMs };
  }

  get settings(): NetworkSettings {
    return this.#settings;
  }

  apply(content: NetworkContent): void {
    this.#content = content;
    const paths = new Set(pathsIn(content));
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path);
    this.look();
  }

  /** Applies changed files; call it often. */
  look(): void {
    const read = this.#read();
    const { authorities, certificates, proxies } = read;
    const { proxy } = this.#content;
    const made = JSON.stringify([
      proxy ?? null,
      [proxies.http?.authorization, proxies.https?.authorization],
      authorities,
      [...certificates],
    ]);
    if (made === this.#made) return;
    this.#made = made;
    this.#settings = this.#settingsOf(read);
    const logged = { proxies: read.shown, authorities: authorities.length };
    this.#deps.log.info({ ...logged, certificates: certificates.size }, 'Network settings changed');
  }

  /** The ConfigMap's key of the authorities if it is missing or holds none. */
  missingConfigMaps(): MountedKey[] {
    return this.#missingAuthorities ? [this.#missingAuthorities] : [];
  }

  /** Keys of Secrets that are missing or unusable. */
  missingKeys(): readonly MissingKey[] {
    return this.#missing;
  }

  /** The client certificate that an endpoint lacks; undefined if none. */
  lacking({ name, clientCertificate }: Endpoint): Credential | undefined {
    if (!clientCertificate || this.#settings.endpoints.has(name)) return undefined;
    return clientCertificate.certificate;
  }

  #read(): Read {
    this.#missing = [];
    return {
      ...this.#proxies(),
      authorities: this.#readAuthorities(),
      certificates: this.#readCertificates(),
    };
  }

  #proxies(): Pick<Read, 'proxies' | 'shown'> {
    const { proxy } = this.#content;
    const { proxies } = this.#deps.environment;
    const used = proxy ? this.#specified(proxy) : proxies;
    return { proxies: used, shown: { http: used.http?.name, https: used.https?.name } };
  }

  #specified({ http, https, noProxy, credentials }: NonNullable<Content['proxy']>): Proxies {
    const read = (credential: Credential | undefined): string | undefined => {
      const value = credential && this.#deps.credentials.read(credential);
      if (credential && value === undefined) this.#lacks('the proxy', credential);
      return value;
    };
    const user = read(credentials?.username);
    const password = read(credentials?.password);
    const known = user !== undefined && password !== undefined;
    const authorization = known ? basicAuthorization(user, password) : undefined;
    const at = (url: string | undefined): Proxy | undefined =>
      url === undefined ? undefined : proxyOf(url, authorization);
    return { http: at(http), https: at(https), except: exceptions(noProxy) };
  }

  #lacks(dependency: string, { secret, key }: Credential): void {
    this.#missing.push({ dependency, secret, key });
  }

  #readAuthorities(): string[] {
    const { trustedCA } = this.#content;
    this.#missingAuthorities = undefined;
    if (!trustedCA) return [];
    const { path } = trustedCA;
    const certificates = certificatesIn(this.#text(path) ?? '');
    if (certificates) this.#authorities = { path, certificates };
    else this.#missingAuthorities = trustedCA;
    return this.#authorities?.path === path ? this.#authorities.certificates : [];
  }

  #readCertificates(): Read['certificates'] {
    const found: Read['certificates'] = new Map();
    for (const { name, clientCertificate } of this.#content.endpoints) {
      if (!clientCertificate) continue;
      const { certificate, key } = clientCertificate;
      const pem = { cert: this.#text(certificate.path), key: this.#text(key.path) };
      const dependency = `model/${name}`;
      if (pem.key === undefined) this.#lacks(dependency, key);
      if (pem.cert !== undefined && pem.key !== undefined) {
        const pair = { cert: pem.cert, key: pem.key };
        if (this.#isUsable(name, pair)) found.set(name, pair);
        else this.#lacks(dependency, certificate);
      } else if (pem.cert === undefined) this.#lacks(dependency, certificate);
    }
    return found;
  }

  /** Whether the certificate and the key are valid and fit together. */
  #isUsable(endpoint: string, { cert, key }: ClientCertificate): boolean {
    const checked = this.#checked.get(endpoint);
    if (checked?.cert === cert && checked.key === key) return checked.usable;
    const usable = secureContextOf([], { cert, key }) !== undefined;
    this.#checked.set(endpoint, { cert, key, usable });
    return usable;
  }

  #text(path: string): string | undefined {
    const known = this.#files.get(path) ?? new MountedFile(path);
    this.#files.set(path, known);
    const text = known.read()?.trim();
    return text === '' ? undefined : text;
  }

  #settingsOf({ proxies, authorities, certificates }: Read): NetworkSettings {
    const { connectMs } = this.#deps;
    const endpoints = new Map<string, SecureContext>();
    for (const [name, certificate] of certificates) {
      const context = secureContextOf(authorities, certificate);
      if (context) endpoints.set(name, context);
    }
    return { proxies, secureContext: this.#trustIn(authorities), endpoints, connectMs };
  }

  /**
   * Returns the same context while the authorities are the same, so that a change of proxies keeps the connection to
   * Redis.
   */
  #trustIn(authorities: readonly string[]): SecureContext | undefined {
    const text = authorities.join('\n');
    if (text === this.#trusted.text) return this.#trusted.context;
    const context = text === '' ? undefined : secureContextOf(authorities);
    this.#trusted = { text, context };
    return context;
  }
}

function pathsIn({ trustedCA, endpoints }: NetworkContent): string[] {
  const certificates = endpoints.flatMap(({ clientCertificate: pair }) =>
    pair ? [pair.certificate.path, pair.key.path] : [],
  );
  return [...(trustedCA ? [trustedCA.path] : []), ...certificates];
}
