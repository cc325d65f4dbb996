import type { GateStatus } from '../../contract/generated/types.ts';
import type { Detection } from './incidents/incident.ts';

/** Reports each of the agent's credentials that a provider refuses, once until the provider accepts it again. */
export class CredentialWatch {
  readonly #report: (detection: Detection) => void;
  #refused: ReadonlySet<string> = new Set();

  constructor(report: (detection: Detection) => void) {
    this.#report = report;
  }

  /** Call it often. */
  look(gates: readonly GateStatus[]): void {
    const refused = gates
      .filter(({ gate }) => gate === 'Unauthorized')
      .map(({ dependency }) => dependency);
    for (const dependency of refused) if (!this.#refused.has(dependency)) this.#tell(dependency);
    this.#refused = new Set(refused);
  }

  #tell(dependency: string): void {
    this.#report({
      type: 'CredentialRefused',
      asset: 'Credentials',
      denied: false,
      resource: { type: 'dependency', name: dependency },
      evidence: 'A credential of the agent is not accepted: it may be revoked, or expired.',
    });
  }
}
