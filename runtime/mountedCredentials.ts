import type { Endpoint } from '../contract/generated/types.ts';
import type { Agent } from './conversations/agent.ts';
import type { Guard } from './guard/guard.ts';
import { dependencyOf } from './guard/supported.ts';
import { authentication } from './model/pool/authentication.ts';
import type { EndpointIdentities } from './model/pool/authentication.ts';
import type { Credentials } from './mounts/credentials.ts';
import type { Network } from './network/network.ts';
import type { Current } from './snapshot/snapshot.ts';

type Credential = NonNullable<Endpoint['credential']>;

export interface MountedCredentialsDeps {
  current: Current;
  credentials: Credentials;
  identities: EndpointIdentities;
  guard: Guard;
  network: Network;
  agent: Agent;
}

/** The files that the configuration in force names: reads changed ones, forgets others. */
export class MountedCredentials {
  readonly #deps: MountedCredentialsDeps;

  constructor(deps: MountedCredentialsDeps) {
    this.#deps = deps;
  }

  /** Reads changed files, and opens the gates of credentials that are no longer mounted. */
  use(): void {
    const { current, credentials, identities, guard, network, agent } = this.#deps;
    network.look();
    agent.useCredentials();
    for (const endpoint of current.snapshot?.endpoints ?? []) {
      const shown = authentication(endpoint, credentials, identities);
      if ('lacking' in shown || !shown.credential) continue;
      guard.useCredential(dependencyOf(endpoint), shown.credential.hash);
    }
  }

  /** Forgets files that the configuration names no more. */
  retain(): void {
    const { current, credentials } = this.#deps;
    const keys = (current.snapshot?.endpoints ?? []).flatMap(({ credential }) => credential ?? []);
    const { username, password } = current.content?.proxy?.credentials ?? {};
    const shown = [username, password].filter((each) => each !== undefined);
    const used = [...keys, ...shown, ...this.inHeaders().map(({ credential }) => credential)];
    credentials.retain(new Set(used.map(({ path }) => path)));
  }

  /** Credentials other than those of endpoints and proxies, with what they are for. */
  inHeaders(): { dependency: string; credential: Credential }[] {
    const { audit, telemetry } = this.#deps.current.content ?? {};
    const scraper = telemetry?.metrics?.token;
    return [
      ...this.#deps.agent.credentials(),
      ...(audit?.otlp?.headersFrom ?? []).map(({ credential }) => ({
        dependency: 'audit',
        credential,
      })),
      ...(scraper ? [{ dependency: 'scrapers', credential: scraper }] : []),
    ];
  }
}
