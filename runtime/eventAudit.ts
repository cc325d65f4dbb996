import type { ConfigurationStatus } from '../contract/generated/types.ts';
import type { Clock } from './guard/clock.ts';
import { OPERATOR, RUNTIME } from './security/audit/audit.ts';
import type { Audit } from './security/audit/audit.ts';
import type { AuditEvent } from './security/audit/event.ts';
import {
  circuitReset,
  limitHit,
  overrideChanged,
  transitioned,
} from './security/audit/guardEvents.ts';
import { incidentEvent } from './security/audit/incidentEvent.ts';
import type { Events } from './events.ts';

/** Records events in the audit. Requests have records of their own. */
export function auditEvents(
  events: Events,
  { audit, clock }: { audit: Audit; clock: Clock },
): void {
  const time = (): number => clock.date().getTime();
  const record = (event: Omit<AuditEvent, 'time'>): void =>
    audit.record({ ...event, time: time() });
  events.on('transition', (transition) => {
    if (transition.to !== 'HalfOpen') record(transitioned(transition));
  });
  events.on('override', (order, state) => record(overrideChanged(order, state)));
  events.on('reset', (order) => record(circuitReset(order)));
  events.on('limit', (limit) => record(limitHit(limit)));
  events.on('incident', (incident, detection, change) =>
    audit.record(incidentEvent(incident, detection, { change, time: time() })),
  );
  events.on('configuration', (offer, status) => {
    if (offer === 'Applied' || offer === 'Refused') record(offered(offer, status));
  });
  events.on('expired', (id, keep) => {
    record(ended(id));
    keep(audit.flush());
  });
}

function ended(id: string): Omit<AuditEvent, 'time'> {
  return {
    ...{ type: 'ConversationEnded', outcome: 'Success', actor: RUNTIME },
    ...{ operation: 'conversations.end', reason: 'IdleTimeout', conversation: id },
    message: 'A conversation was idle for too long.',
    resource: { type: 'conversation', name: id },
  };
}

function offered(
  offer: 'Applied' | 'Refused',
  { source = 'File', hash, refused }: ConfigurationStatus,
): Omit<AuditEvent, 'time'> {
  const applied = offer === 'Applied';
  const name = applied ? hash : refused?.hash;
  return {
    type: 'ConfigurationApplied',
    outcome: applied ? 'Success' : 'Failure',
    actor: OPERATOR,
    operation: 'configuration.apply',
    ...(!applied && { reason: 'Refused' }),
    message: applied
      ? `A configuration from the ${source} is in force.`
      : `A configuration was refused: ${refused?.message}`,
    resource: { type: 'configuration', name: name ?? 'unknown' },
  };
}
