import type { Logger } from 'pino';
import type {
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
import { parseCommand } from '../../contract/validate.ts';
import type { ActiveConfiguration } from './configuration.ts';
import { upgradeConfiguration } from './upgrade.ts';

export interface CommandsDeps {
  configuration: ActiveConfiguration;
  snapshot(): Snapshot;
  /** The operator says which other pods take forwarded requests. */
  onSiblings(pods: readonly Sibling[]): void;
  /** Takes the orders of the fleet's leader, and returns the circuits that they are for. */
  followFleet(orders: FleetCircuits['orders']): Counters['circuits'];
  /** Obeys the leader of the fleet, and answers it. */
  fleet: (command: Grant | Release) => Report | undefined;
  /** Takes shares of the limits of providers, and answers where that is asked for. */
  providers: (command: ProviderShares) => Report | undefined;
  date(): Date;
  log: Logger;
}

/** Obeys what the operator says over a link. */
export class Commands {
  readonly #deps: CommandsDeps;

  constructor(deps: CommandsDeps) {
    this.#deps = deps;
  }

  /**
   * Takes one message, parsed. A push of a stale term is answered to its sender alone: a leader that was
   * replaced must not show up in what the present one is told.
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
    return this.#obey(parsed.value);
  }

  #obey(command: Command): Report | undefined {
    const { configuration } = this.#deps;
    switch (command.type) {
      case 'Announce':
        configuration.announce(command.term);
        return undefined;
      case 'Configure':
        configuration.offerPush(command.term, command.configuration);
        return undefined;
      case 'Grant':
      case 'Release':
        configuration.announce(command.term);
        // Its sessions say whether the leader before goes on granting until the present one does.
        return this.#deps.fleet(command);
      default:
        // The present leader has its own figures and orders.
        return configuration.staleTerm(command.term) === undefined
          ? this.#heed(command)
          : undefined;
    }
  }

  /** Obeys the leader of the present term. */
  #heed(command: Siblings | FleetCircuits | ProviderShares): Report | undefined {
    switch (command.type) {
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
