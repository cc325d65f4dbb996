import type { Logger } from 'pino';
import type {
  NamespaceDeleted,
  Command,
  Counters,
  FleetCircuits,
  Grant,
  ProviderShares,
  Release,
  Report,
  Sibling,
  Siblings,
  Snapshot,
} from '../../contract/generated/types.ts';
import { REPORT_INTERVAL } from '../../contract/link.ts';
import { parseCommand } from '../../contract/validate.ts';
import type { ActiveConfiguration } from './configuration.ts';
import { upgradeConfiguration } from './upgrade.ts';

export interface CommandsDeps {
  configuration: ActiveConfiguration;
  snapshot(): Snapshot;
  /** Reports figures at this interval from now on, in milliseconds. */
  onReportInterval(ms: number): void;
  /** Replaces the pods that take forwarded requests. */
  onSiblings(pods: readonly Sibling[]): void;
  /** The namespace is deleted. */
  onNamespaceDeleted(): void;
  /** Applies the leader's orders to circuits, and returns those circuits. */
  followFleet(orders: FleetCircuits['orders']): Counters['circuits'];
  /** Applies tokens that the leader grants or ends, and returns the reply to the leader. */
  fleet: (command: Grant | Release) => Report | undefined;
  /** Applies shares of the providers' limits. Returns a reply if the leader asks for one. */
  providers: (command: ProviderShares) => Report | undefined;
  date(): Date;
  log: Logger;
}

/** Applies the messages of the operator that arrive over a link. */
export class Commands {
  readonly #deps: CommandsDeps;

  constructor(deps: CommandsDeps) {
    this.#deps = deps;
  }

  /**
   * Applies one parsed message and returns the reply to its sender. The refusal of a stale leader's push is such a reply:
   * reports go to all links, and the current leader must not see that refusal.
   */
  handle(value: unknown): Report | undefined {
    const { type, term, configuration } = members(value);
    if (type === 'Configure' && typeof term === 'number') {
      const stale = this.#deps.configuration.staleTerm(term);
      if (stale !== undefined) return this.#stale(stale);
    }
    const parsed = parseCommand(upgradeCommand(value));
    if (!parsed.ok) {
      this.#malformed(type, parsed, configuration);
      return undefined;
    }
    return this.#apply(parsed.value);
  }

  #apply(command: Command): Report | undefined {
    const { configuration, log } = this.#deps;
    log.trace({ type: command.type }, 'Message of the operator');
    switch (command.type) {
      case 'Announce':
        configuration.announce(command.term);
        if (configuration.staleTerm(command.term) === undefined) {
          this.#deps.onReportInterval(command.reportEveryMs ?? REPORT_INTERVAL.leastMs);
        }
        return undefined;
      case 'Configure':
        configuration.offerPush(command.term, command.configuration);
        return undefined;
      case 'Grant':
      case 'Release':
        configuration.announce(command.term);
        // Accepts a stale term: the previous leader grants tokens until the current one does. Sessions tell them apart.
        return this.#deps.fleet(command);
      default:
        // Ignores a stale leader: the current one sends figures and orders of its own.
        return configuration.staleTerm(command.term) === undefined
          ? this.#applyCurrent(command)
          : undefined;
    }
  }

  /** Applies a message of the current leader. */
  #applyCurrent(
    command: Siblings | FleetCircuits | ProviderShares | NamespaceDeleted,
  ): Report | undefined {
    switch (command.type) {
      case 'NamespaceDeleted':
        this.#deps.onNamespaceDeleted();
        return undefined;
      case 'Siblings':
        this.#deps.onSiblings(command.pods);
        return undefined;
      case 'FleetCircuits':
        return { type: 'Counters', limits: [], circuits: this.#deps.followFleet(command.orders) };
      case 'ProviderShares':
        return this.#deps.providers(command);
    }
  }

  #stale(message: string): Report {
    this.#deps.log.warn({ reason: message }, 'Push was refused');
    const snapshot = this.#deps.snapshot();
    const time = this.#deps.date().toISOString();
    snapshot.configuration.refused = { source: 'Link', message, time };
    return snapshot;
  }

  #malformed(
    type: unknown,
    { message, unknownType }: { message: string; unknownType: boolean },
    configuration: unknown,
  ): void {
    if (type === 'Configure') this.#deps.configuration.refuse('Link', message, configuration);
    else if (unknownType) this.#deps.log.debug('Message of an unknown type was ignored');
    else this.#deps.log.warn({ reason: message }, 'Malformed message was ignored');
  }
}

function upgradeCommand(value: unknown): unknown {
  const command = members(value);
  if (command['type'] !== 'Configure') return value;
  return { ...command, configuration: upgradeConfiguration(command['configuration']) };
}

function members(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
