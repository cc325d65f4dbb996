import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { join } from 'node:path';
import type { Logger } from 'pino';
import type {
  Counters,
  FleetCircuits,
  Grant,
  Hello,
  ProviderShares,
  Release,
  Report,
  Sibling,
  Snapshot,
} from '../../contract/generated/types.ts';
import { CONTRACT_VERSION, FEATURES, MOUNTS } from '../../contract/link.ts';
import type { Clock } from '../guard/clock.ts';
import { selfSignedIdentity } from './certificate.ts';
import { Commands } from './commands.ts';
import type { ActiveConfiguration } from './configuration.ts';
import type { LeaderLink } from './leaderLink.ts';
import { ControlServer } from './link.ts';

export interface ControlPortDeps {
  pod: Hello['pod'];
  version: string;
  /** Start of the process, as ISO 8601. */
  startedAt: string;
  /** Directory with the token that proves to the operator which pod this is. */
  tokenDirectory: string;
  configuration: ActiveConfiguration;
  /** Gets this port. */
  leader: LeaderLink;
  snapshot: () => Snapshot;
  onSiblings: (pods: readonly Sibling[]) => void;
  /** The namespace is deleted. */
  onNamespaceDeleted: () => void;
  onReportInterval: (ms: number) => void;
  /** This and the next two: see CommandsDeps. */
  followFleet: (orders: FleetCircuits['orders']) => Counters['circuits'];
  fleet: (command: Grant | Release) => Report | undefined;
  providers: (command: ProviderShares) => Report | undefined;
  clock: Clock;
  log: Logger;
}

/** The port that the operator connects to. Before `start` and after `close` it has no links and drops all reports. */
export class ControlPort {
  /** Identifies this process among all that ran in the container. */
  readonly boot = randomUUID();
  readonly #deps: ControlPortDeps;
  #server: ControlServer | undefined;
  #authority: string | undefined;

  constructor(deps: ControlPortDeps) {
    this.#deps = deps;
    deps.leader.attach(this);
  }

  /** Listens with a self-signed certificate. Rejects when the port is taken. */
  async start(port: number, host: string | undefined): Promise<void> {
    const { pod, clock, configuration, snapshot, log } = this.#deps;
    const { fleet, followFleet, providers } = this.#deps;
    const { onSiblings, onNamespaceDeleted, onReportInterval } = this.#deps;
    const commands = new Commands({
      ...{ configuration, snapshot, fleet, followFleet, providers, log },
      ...{ onSiblings, onNamespaceDeleted, onReportInterval },
      date: () => clock.date(),
    });
    const server = new ControlServer({
      identity: await selfSignedIdentity(pod.name, clock.date()),
      hello: () => this.#hello(),
      snapshot,
      onMessage: (message) => commands.handle(message),
      log,
    });
    this.#server = server;
    if (this.#authority !== undefined) server.setAuthority(this.#authority);
    server.server.listen({ port, ...(host !== undefined && { host }) });
    await once(server.server, 'listening');
  }

  /** Undefined before `start`. */
  get server(): Server | undefined {
    return this.#server?.server;
  }

  /** Number of open links. */
  get links(): number {
    return this.#server?.links ?? 0;
  }

  /** Replaces the authority that the operator's certificate must come from. `pem` holds its certificates. */
  setAuthority(pem: string): void {
    this.#authority = pem;
    this.#server?.setAuthority(pem);
  }

  /** Sends a report over all links; see ControlServer. */
  broadcast(report: Report): number {
    return this.#server?.broadcast(report) ?? 0;
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #hello(): Promise<Hello> {
    const { pod, version, startedAt, tokenDirectory, configuration } = this.#deps;
    const token = await readFile(join(tokenDirectory, MOUNTS.tokenKey), 'utf8');
    const { revision, hash } = configuration.status();
    return {
      type: 'Hello',
      contract: CONTRACT_VERSION,
      features: [...FEATURES],
      runtimeVersion: version,
      pod,
      boot: this.boot,
      startedAt,
      token: token.trim(),
      highestTerm: configuration.highestTerm,
      ...(revision && { revision }),
      ...(hash !== undefined && { hash }),
    };
  }
}
