/** What happens in the guard, as events of the audit. */
import type { CircuitStatus, LimitStatus, Transition } from '../../../contract/generated/types.ts';
import type { CircuitOrder } from '../../guard/guardListener.ts';
import { OPERATOR, RUNTIME } from './audit.ts';
import type { AuditEvent } from './event.ts';

type Untimed = Omit<AuditEvent, 'time'>;

/** A circuit opened or closed. */
export function transitioned({ dependency, to, reason, policy }: Transition): Untimed {
  const open = to === 'Open';
  return {
    type: open ? 'CircuitOpened' : 'CircuitClosed',
    outcome: 'Success',
    actor: RUNTIME,
    operation: open ? 'circuits.open' : 'circuits.close',
    message: `The circuit of ${dependency} is ${open ? 'open' : 'closed'}: ${reason}.`,
    resource: { type: 'dependency', name: dependency },
    policy,
  };
}

/** @param state that the override holds; undefined when it ended */
export function overrideChanged(
  { dependency, policy }: CircuitOrder,
  state: CircuitStatus['overridden'],
): Untimed {
  return {
    type: state ? 'OverrideSet' : 'OverrideLifted',
    outcome: 'Success',
    actor: OPERATOR,
    operation: state ? 'circuits.override' : 'circuits.liftOverride',
    message: state
      ? `The circuit of ${dependency} is held ${state === 'Open' ? 'open' : 'closed'}.`
      : `The circuit of ${dependency} follows its calls again.`,
    resource: { type: 'dependency', name: dependency },
    policy,
  };
}

export function circuitReset({ dependency, policy }: CircuitOrder): Untimed {
  return {
    type: 'CircuitReset',
    outcome: 'Success',
    actor: OPERATOR,
    operation: 'circuits.reset',
    message: `The circuit of ${dependency} was reset.`,
    resource: { type: 'dependency', name: dependency },
    policy,
  };
}

export function limitHit({
  target,
  policy,
  name,
}: Pick<LimitStatus, 'target' | 'policy' | 'name'>): Untimed {
  return {
    type: 'LimitHit',
    outcome: 'Denied',
    actor: RUNTIME,
    operation: 'limits.reject',
    reason: 'RateLimited',
    message: `The limit ${name} on ${target} began to turn requests down.`,
    resource: { type: 'limit', name: `${policy}/${name}` },
    policy,
  };
}
