import type { Endpoint } from '../../../contract/generated/types.ts';
import type { Credential } from '../../guard/admission.ts';
import type { Clock } from '../../guard/clock.ts';
import { dependencyOf } from '../../guard/supported.ts';
import { credentialHash } from '../../mounts/credentials.ts';
import type { Exchange, ExchangeContext } from './exchange.ts';
import { Identity } from './identity.ts';
import type { Refresh } from './identity.ts';

/** How the configuration names an identity. */
export type IdentitySpec = NonNullable<Endpoint['identity']>;

/** An identity of the agent at a cloud. Endpoints that name the same one share its credentials. */
export interface SharedIdentity {
  identity: Pick<Identity, 'credentials' | 'awaited' | 'refused' | 'aheadMs' | 'problem'>;
  /** Whose gates apply. It names the identity, so that a refresh opens none. */
  credential: Credential;
}

export interface IdentitiesDeps {
  context: ExchangeContext;
  clock: Clock;
  /** From 0 up to but not 1. */
  random: () => number;
  onRefresh: (cloud: Cloud, end: Refresh) => void;
}

export type Cloud = 'aws' | 'google' | 'azure';

type Held = SharedIdentity & { identity: Identity };

/** An endpoint whose identity has no credentials, or cannot renew them. */
export interface IdentityTrouble {
  dependency: string;
  problem: string;
  /** Whether credentials are still valid. */
  serves: boolean;
}

/** The identities of the endpoints in force. */
export class Identities {
  readonly #deps: IdentitiesDeps;
  #endpoints: readonly Endpoint[] = [];
  /** By their text. */
  readonly #held = new Map<string, Held>();
  readonly #byEndpoint = new WeakMap<Endpoint, Held>();

  constructor(deps: IdentitiesDeps) {
    this.#deps = deps;
  }

  /** Begins the exchanges of new identities, and ends those of others. */
  apply(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    const named = new Set(endpoints.map(({ identity }) => identity && JSON.stringify(identity)));
    for (const [text, { identity }] of this.#held) {
      if (named.has(text)) continue;
      this.#held.delete(text);
      identity.close();
    }
    for (const endpoint of endpoints) this.of(endpoint);
  }

  /** The identity of an endpoint; undefined if it names none. */
  of(endpoint: Endpoint): SharedIdentity | undefined {
    if (endpoint.identity === undefined) return undefined;
    const known = this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const text = JSON.stringify(endpoint.identity);
    const held = this.#held.get(text) ?? this.#make(endpoint.identity, text);
    this.#byEndpoint.set(endpoint, held);
    return held;
  }

  /** What is wrong with identities, for people. */
  troubles(): IdentityTrouble[] {
    return this.#endpoints.flatMap((endpoint) => {
      const { problem, credentials } = this.of(endpoint)?.identity ?? {};
      if (problem === undefined) return [];
      const dependency = dependencyOf(endpoint);
      return [{ dependency, problem, serves: credentials !== undefined }];
    });
  }

  close(): void {
    for (const { identity } of this.#held.values()) identity.close();
  }

  #make(spec: IdentitySpec, text: string): Held {
    const { context, clock, random, onRefresh } = this.#deps;
    const cloud = cloudOf(spec);
    const exchange = lazily(() => exchangeOf(spec, context));
    const identity = new Identity({
      ...{ exchange, clock, random },
      onRefresh: (end) => onRefresh(cloud, end),
    });
    const hash = credentialHash(`identity ${text}`);
    const held = { identity, credential: { hash, mounted: true } };
    this.#held.set(text, held);
    return held;
  }
}

function cloudOf({ aws, google }: IdentitySpec): Cloud {
  if (aws) return 'aws';
  return google ? 'google' : 'azure';
}

/** Loads the code of a cloud at the first exchange. */
function lazily(load: () => Promise<Exchange>): Exchange {
  let loaded: Promise<Exchange> | undefined;
  return async (signal) => (await (loaded ??= load()))(signal);
}

async function exchangeOf(
  { aws, google, azure, directory = '' }: IdentitySpec,
  context: ExchangeContext,
): Promise<Exchange> {
  if (aws) {
    const { assumedRole, podIdentity } = await import('./aws.ts');
    const { roleARN, region } = aws;
    if (roleARN === undefined || region === undefined) return podIdentity(context);
    return assumedRole({ roleARN, region, directory }, context);
  }
  if (google) {
    const { federation, metadataServer } = await import('./google.ts');
    const { audience, serviceAccount } = google;
    if (audience === undefined) return metadataServer(context);
    return federation({ audience, serviceAccount, directory }, context);
  }
  const { federatedApplication } = await import('./azure.ts');
  return federatedApplication({ ...azure!, directory }, context);
}
