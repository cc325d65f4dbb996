import type { GateStatus } from '../../contract/generated/types.ts';
import type { Detection } from './incidents/incident.ts';

/** Reports each of the agent's credentials that a provider refuses, once until the provider accepts it again. */
export class CredentialWatch {
  readonly #report: (detection: Detection) => void;
  readonly #refused = new Set<string>();

  constructor(report: (detection: Detection) => void) {
    this.#report = report;
  }

  /** Takes the state of a gate that changed. */
  note({ dependency, gate }: GateStatus): void {
    if (gate !== 'Unauthorized') {
      this.#refused.delete(dependency);
      return;
    }
    if (this.#refused.has(dependency)) return;
    this.#refused.add(dependency);
    this.#report({
      type: 'CredentialRefused',
      asset: 'Credentials',
      denied: false,
      resource: { type: 'dependency', name: dependency },
      evidence: 'A credential of the agent is not accepted: it may be revoked, or expired.',
    });
  }
}
