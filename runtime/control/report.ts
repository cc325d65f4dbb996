import type {
  CircuitStatus,
  Counters,
  Endpoint,
  Snapshot,
} from '../../contract/generated/types.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { Credentials } from '../model/credentials.ts';
import type { ActiveConfiguration } from './configuration.ts';

type MissingCredentials = Snapshot['missingCredentials'];

export interface ReporterDeps {
  guard: Guard;
  configuration: ActiveConfiguration;
  credentials: Credentials;
}

/** Puts together what the runtime tells about itself. */
export class Reporter {
  readonly #deps: ReporterDeps;
  #toldLimits = '';
  #toldFailures = new Map<string, string>();

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  snapshot(): Snapshot {
    const { guard, configuration } = this.#deps;
    return {
      type: 'Snapshot',
      configuration: configuration.status(),
      circuits: guard.circuits(),
      limits: guard.limits(),
      transitions: guard.transitions(),
      missingCredentials: this.missingCredentials(),
    };
  }

  missingCredentials(): MissingCredentials {
    const { configuration, credentials } = this.#deps;
    return configuration.endpoints.flatMap((endpoint: Endpoint) => {
      const { credential } = endpoint;
      if (!credential || credentials.read(credential) !== undefined) return [];
      const { secret, key } = credential;
      return [{ dependency: dependencyOf(endpoint), secret, key }];
    });
  }

  /** What changed since it was asked last; undefined when nothing did. */
  counters(): Counters | undefined {
    const limits = this.#deps.guard.limits();
    const circuits = this.#deps.guard.circuits();
    const changed = circuits.filter((circuit) => this.#failureIsNew(circuit));
    this.#toldFailures = new Map(circuits.map((each) => [each.dependency, lastFailure(each)]));
    const text = JSON.stringify(limits);
    if (text === this.#toldLimits && changed.length === 0) return undefined;
    this.#toldLimits = text;
    return { type: 'Counters', limits, circuits: changed };
  }

  #failureIsNew(circuit: CircuitStatus): boolean {
    return (this.#toldFailures.get(circuit.dependency) ?? '') !== lastFailure(circuit);
  }
}

function lastFailure({ lastFailure: failure }: CircuitStatus): string {
  return failure ? JSON.stringify(failure) : '';
}
