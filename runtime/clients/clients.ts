import { createHash } from 'node:crypto';
import type { Current } from '../snapshot/snapshot.ts';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errors, jwtVerify } from 'jose';
import type { Content } from '../../contract/generated/types.ts';
import type { Failure } from '../errors/failure.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import { Allowances } from './allowance.ts';
import type { Allowance, Identity } from './allowance.ts';
import { ApiKeys } from './apiKeys.ts';
import { FailedCredentials } from './failedCredentials.ts';
import type { FailedCredentialsDeps } from './failedCredentials.ts';
import { KEY_TIMES, KeySet, KeysUnavailable } from './keySet.ts';
import type { KeySetDeps, KeyTimes } from './keySet.ts';

export interface Client {
  /** Distinguishes clients in limits and in the cache; empty for an unknown client. */
  principal: string;
  /** Name of its API key or subject of its token; empty for an unknown client. */
  id: string;
  authentication: 'None' | 'APIKey' | 'JWT';
  /** Name in logs: the name of a key, or a hash of the subject. Absent: an unknown client. */
  name?: string;
  /** Absent: the client may do everything. */
  allowance?: Allowance;
  /** Its headers, without the credential that the agent has checked. */
  headers: RawHeaders;
}

/** The client of a request where the agent checks none. */
export function anybody({ rawHeaders }: IncomingMessage): Client {
  return { principal: '', id: '', authentication: 'None', headers: rawHeaders };
}

/** A credential and the header that carried it. */
export interface Shown {
  header: 'authorization' | 'x-api-key';
  credential: string;
}

const BEARER = /^bearer +(\S+) *$/i;

/** The bearer token, or else the API key. */
export function shownIn(headers: IncomingHttpHeaders): Shown | undefined {
  const { authorization = '' } = headers;
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return { header: 'authorization', credential: token };
  const key = headers['x-api-key'];
  if (typeof key !== 'string' || key === '') return undefined;
  return { header: 'x-api-key', credential: key };
}

export function withoutHeader(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, i) => raw[i - (i % 2)]!.toLowerCase() !== name);
}

/** A stable name for logs that does not disclose the subject. */
export function hashedName(subject: string): string {
  return createHash('sha256').update(subject).digest('hex').slice(0, 16);
}

type Auth = NonNullable<Content['auth']>;

export interface ClientsDeps
  extends Pick<KeySetDeps, 'now' | 'fetch'>, Pick<FailedCredentialsDeps, 'addressOf'> {
  /** Wall clock. */
  date: () => Date;
  current: Pick<Current, 'content'>;
}

const MISSING: Failure = {
  reason: 'Unauthorized',
  message: 'Credentials are missing: send them as authorization: Bearer, or as x-api-key.',
};
const REFUSED: Failure = {
  reason: 'Unauthorized',
  message: 'These credentials are not accepted, or not any more.',
};
const UNAVAILABLE: Failure = {
  reason: 'AuthUnavailable',
  message: 'The agent cannot check credentials at present.',
  retryAfterMs: 5000,
};

/** Asymmetric signatures only: the agent knows nothing but public keys. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** Tolerated difference between clocks, in seconds. */
const CLOCK_TOLERANCE = 30;

/** Authenticates clients as the configuration in force says. */
export class Clients {
  readonly #deps: ClientsDeps;
  readonly #apiKeys: ApiKeys;
  readonly #failed: FailedCredentials;
  #keySet: KeySet | undefined;
  #allowances: { of: Auth; allowances: Allowances } | undefined;

  constructor(deps: ClientsDeps) {
    this.#deps = deps;
    this.#apiKeys = new ApiKeys(deps.now);
    const { now, addressOf, current } = deps;
    this.#failed = new FailedCredentials({
      now,
      addressOf,
      failures: () => current.content?.auth?.failures,
    });
  }

  /** The refusal of a request from an address that showed too many wrong credentials; undefined for others. */
  held(request: IncomingMessage): Failure | undefined {
    if (!this.#deps.current.content?.auth) return undefined;
    const shown = shownIn(request.headers);
    return shown && this.#failed.held(request, shown.credential);
  }

  /** Whether the agent lately accepted the credential of this request. */
  knows({ headers }: IncomingMessage): boolean {
    const shown = this.#deps.current.content?.auth && shownIn(headers);
    return shown !== undefined && this.#failed.wasAccepted(shown.credential);
  }

  identify(request: IncomingMessage): Client | Failure | Promise<Client | Failure> {
    const auth = this.#deps.current.content?.auth;
    if (!auth) return anybody(request);
    const shown = shownIn(request.headers);
    if (!shown) return MISSING;
    const found = this.#check(auth, shown, request);
    const note = (client: Client | Failure): Client | Failure => {
      if (client === REFUSED) this.#failed.failed(request, shown.credential);
      else if (!isRefusal(client)) this.#failed.accepted(shown.credential);
      return client;
    };
    return found instanceof Promise ? found.then(note) : note(found);
  }

  #check(
    auth: Auth,
    shown: Shown,
    request: IncomingMessage,
  ): Client | Failure | Promise<Client | Failure> {
    if (auth.type === 'APIKeys') return this.#byKey(auth, shown, request);
    if (auth.type === 'JWT') return this.#byToken(auth, shown, request);
    return UNAVAILABLE;
  }

  /** Name of the Secret of API keys if it holds no key. */
  missingSecret(): string | undefined {
    const apiKeys = this.#deps.current.content?.auth?.apiKeys;
    return apiKeys && this.#apiKeys.empty(apiKeys.path) ? apiKeys.secret : undefined;
  }

  /** The allowance of a client. One table serves all requests of a configuration. */
  #allowed(auth: Auth, identity: Identity): Pick<Client, 'allowance'> {
    if (!auth.clients) return {};
    if (this.#allowances?.of !== auth) {
      this.#allowances = { of: auth, allowances: new Allowances(auth.clients) };
    }
    return { allowance: this.#allowances.allowances.of(identity) };
  }

  #byKey(auth: Auth, shown: Shown, request: IncomingMessage): Client | Failure {
    const { apiKeys } = auth;
    if (!apiKeys || this.#apiKeys.empty(apiKeys.path)) return UNAVAILABLE;
    const name = this.#apiKeys.clientOf(apiKeys.path, shown.credential);
    if (name === undefined) return REFUSED;
    const headers = withoutHeader(request.rawHeaders, shown.header);
    const allowed = this.#allowed(auth, { name });
    return {
      principal: `key ${name}`,
      id: name,
      authentication: 'APIKey',
      name,
      headers,
      ...allowed,
    };
  }

  #keyTimes(): KeyTimes {
    return this.#deps.current.content?.auth?.jwt?.keys ?? KEY_TIMES;
  }

  async #byToken(auth: Auth, shown: Shown, request: IncomingMessage): Promise<Client | Failure> {
    const { jwt } = auth;
    if (!jwt) return UNAVAILABLE;
    const { now, fetch, date } = this.#deps;
    if (this.#keySet?.url !== jwt.jwksURL) {
      this.#keySet = new KeySet({ url: jwt.jwksURL, now, fetch, times: () => this.#keyTimes() });
    }
    try {
      const { payload } = await jwtVerify(shown.credential, this.#keySet.keyOf, {
        issuer: jwt.issuer,
        audience: jwt.audiences,
        algorithms: ALGORITHMS,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: date(),
      });
      const { sub } = payload;
      if (typeof sub !== 'string' || sub === '') return REFUSED;
      const headers = withoutHeader(request.rawHeaders, shown.header);
      const name = hashedName(sub);
      const allowed = this.#allowed(auth, { name: sub, claims: payload });
      return { principal: `jwt ${sub}`, id: sub, authentication: 'JWT', name, headers, ...allowed };
    } catch (error) {
      if (error instanceof KeysUnavailable) return UNAVAILABLE;
      if (error instanceof errors.JOSEError || error instanceof TypeError) return REFUSED;
      throw error;
    }
  }
}

export function isRefusal(answer: Client | Failure): answer is Failure {
  return 'reason' in answer;
}
