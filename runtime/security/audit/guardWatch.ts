import type { CircuitStatus, LimitStatus, Transition } from '../../../contract/generated/types.ts';
import { OPERATOR, RUNTIME } from './audit.ts';
import type { AuditEvent } from './event.ts';

export interface GuardWatchDeps {
  circuits(): readonly CircuitStatus[];
  limits(): readonly LimitStatus[];
  /** Wall clock, in milliseconds. */
  time(): number;
  record(event: AuditEvent): void;
}

/** Finds events for the audit in the state of the guard. */
export class GuardWatch {
  readonly #deps: GuardWatchDeps;
  readonly #overrides = new Map<string, string>();
  readonly #tokens = new Map<string, string>();
  #limiting: ReadonlySet<string> = new Set();

  constructor(deps: GuardWatchDeps) {
    this.#deps = deps;
  }

  changed({ dependency, to, reason, policy }: Transition): void {
    if (to === 'HalfOpen') return;
    const open = to === 'Open';
    this.#record({
      type: open ? 'CircuitOpened' : 'CircuitClosed',
      actor: RUNTIME,
      operation: open ? 'circuits.open' : 'circuits.close',
      message: `The circuit of ${dependency} is ${open ? 'open' : 'closed'}: ${reason}.`,
      resource: { type: 'dependency', name: dependency },
      policy,
    });
  }

  /** Compares overrides, resets and limits with the last call. Call it often. */
  look(): void {
    for (const circuit of this.#deps.circuits()) {
      this.#lookAtOverride(circuit);
      this.#lookAtToken(circuit);
    }
    const limits = this.#deps.limits().filter(({ limiting }) => limiting);
    for (const limit of limits) if (!this.#limiting.has(keyOf(limit))) this.#limitHit(limit);
    this.#limiting = new Set(limits.map(keyOf));
  }

  #lookAtOverride({ dependency, overridden, policy }: CircuitStatus): void {
    const before = this.#overrides.get(dependency);
    if (overridden === before) return;
    if (overridden) this.#overrides.set(dependency, overridden);
    else this.#overrides.delete(dependency);
    this.#record({
      type: overridden ? 'OverrideSet' : 'OverrideLifted',
      actor: OPERATOR,
      operation: overridden ? 'circuits.override' : 'circuits.liftOverride',
      message: overridden
        ? `The circuit of ${dependency} is held ${overridden === 'Open' ? 'open' : 'closed'}.`
        : `The circuit of ${dependency} follows its calls again.`,
      resource: { type: 'dependency', name: dependency },
      policy,
    });
  }

  /** The first token of a circuit resets nothing. */
  #lookAtToken({ dependency, handledResetToken: token, policy }: CircuitStatus): void {
    const before = this.#tokens.get(dependency);
    if (token === undefined || token === before) return;
    this.#tokens.set(dependency, token);
    if (before === undefined) return;
    this.#record({
      type: 'CircuitReset',
      actor: OPERATOR,
      operation: 'circuits.reset',
      message: `The circuit of ${dependency} was reset.`,
      resource: { type: 'dependency', name: dependency },
      policy,
    });
  }

  #limitHit({ target, policy, name }: LimitStatus): void {
    this.#record({
      type: 'LimitHit',
      outcome: 'Denied',
      actor: RUNTIME,
      operation: 'limits.reject',
      reason: 'RateLimited',
      message: `The limit ${name} on ${target} began to turn requests down.`,
      resource: { type: 'limit', name: `${policy}/${name}` },
      policy,
    });
  }

  #record(event: Omit<AuditEvent, 'time' | 'outcome'> & Partial<AuditEvent>): void {
    this.#deps.record({ outcome: 'Success', time: this.#deps.time(), ...event });
  }
}

const keyOf = ({ target, policy, name }: LimitStatus): string =>
  JSON.stringify([target, policy, name]);
