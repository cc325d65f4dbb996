import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errors, jwtVerify } from 'jose';
import type { Content } from '../../../contract/generated/types.ts';
import type { Failure } from '../../errors/failure.ts';
import type { RawHeaders } from '../../model/transport/headers.ts';
import { Allowances } from './allowance.ts';
import type { Allowance, Identity } from './allowance.ts';
import { ApiKeys } from './apiKeys.ts';
import { FailedCredentials } from './failedCredentials.ts';
import type { FailedCredentialsDeps } from './failedCredentials.ts';
import { KEY_TIMES, KeySet, KeysUnavailable } from './keySet.ts';
import type { KeySetDeps, KeyTimes } from './keySet.ts';

/** Who asks. */
export interface Client {
  /** What tells clients apart, in limits and in the cache; empty for a client without a name. */
  principal: string;
  /** Name of its API key, or the subject of its token; empty for everybody. */
  id: string;
  /** How it is known. */
  authentication: 'None' | 'APIKey' | 'JWT';
  /** What logs call it: a name that the operator of the agent gave, or a hash. Absent: nobody in particular. */
  name?: string;
  /** What it may do. Absent: everything. */
  allowance?: Allowance;
  /** Its headers without the credential that the agent itself has checked. */
  headers: RawHeaders;
}

/** Everybody, where nobody is checked. */
export function anybody({ rawHeaders }: IncomingMessage): Client {
  return { principal: '', id: '', authentication: 'None', headers: rawHeaders };
}

/** A credential as it was shown, and the header that it was in. */
export interface Shown {
  header: 'authorization' | 'x-api-key';
  credential: string;
}

const BEARER = /^bearer +(\S+) *$/i;

/** The credential to be checked: a bearer token or else an API key. */
export function shownIn(headers: IncomingHttpHeaders): Shown | undefined {
  const { authorization = '' } = headers;
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return { header: 'authorization', credential: token };
  const key = headers['x-api-key'];
  if (typeof key !== 'string' || key === '') return undefined;
  return { header: 'x-api-key', credential: key };
}

/** The headers but for those of that name. */
export function withoutHeader(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, i) => raw[i - (i % 2)]!.toLowerCase() !== name);
}

/** A name for logs that does not tell whose it is. */
export function hashedName(subject: string): string {
  return createHash('sha256').update(subject).digest('hex').slice(0, 16);
}

type Auth = NonNullable<Content['auth']>;

export interface ClientsDeps
  extends Pick<KeySetDeps, 'now' | 'fetch'>, Pick<FailedCredentialsDeps, 'addressOf'> {
  /** Wall clock. */
  date: () => Date;
  /** Undefined as long as there is no configuration. */
  content: () => Content | undefined;
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

/** Signatures by keys of which the agent knows no more than the public part. */
const ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
/** By how much clocks may differ, in seconds. */
const CLOCK_TOLERANCE = 30;

/** Finds out who asks, as the configuration in force wants it. */
export class Clients {
  readonly #deps: ClientsDeps;
  readonly #apiKeys: ApiKeys;
  readonly #failed: FailedCredentials;
  #keySet: KeySet | undefined;
  #allowances: { of: Auth; allowances: Allowances } | undefined;

  constructor(deps: ClientsDeps) {
    this.#deps = deps;
    this.#apiKeys = new ApiKeys(deps.now);
    const { now, addressOf, content } = deps;
    this.#failed = new FailedCredentials({
      now,
      addressOf,
      failures: () => content()?.auth?.failures,
    });
  }

  /** Why a request is refused before anything is done for it: its address has shown too many wrong credentials. */
  held(request: IncomingMessage): Failure | undefined {
    if (!this.#deps.content()?.auth) return undefined;
    const shown = shownIn(request.headers);
    return shown && this.#failed.held(request, shown.credential);
  }

  /** Whether a request shows a credential that was accepted lately. */
  knows({ headers }: IncomingMessage): boolean {
    const shown = this.#deps.content()?.auth && shownIn(headers);
    return shown !== undefined && this.#failed.wasAccepted(shown.credential);
  }

  /** The client, or why it is not let in. */
  identify(request: IncomingMessage): Client | Failure | Promise<Client | Failure> {
    const auth = this.#deps.content()?.auth;
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

  /** The Secret with the clients' keys, if there is not a single one in it. */
  missingSecret(): string | undefined {
    const apiKeys = this.#deps.content()?.auth?.apiKeys;
    return apiKeys && this.#apiKeys.empty(apiKeys.path) ? apiKeys.secret : undefined;
  }

  /** What the client may do by the entries of a configuration; they are made ready once. */
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
    return this.#deps.content()?.auth?.jwt?.keys ?? KEY_TIMES;
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

/** Whether somebody is not let in. */
export function isRefusal(answer: Client | Failure): answer is Failure {
  return 'reason' in answer;
}
