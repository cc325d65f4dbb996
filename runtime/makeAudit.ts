import type { IncomingMessage } from 'node:http';
import type { ConfigurationStatus } from '../contract/generated/types.ts';
import type { Failure } from './errors/failure.ts';
import type { Core } from './makeCore.ts';
import { readHeaders } from './mounts/secretHeaders.ts';
import { auditMetrics } from './observe/auditMetrics.ts';
import type { RequestTrace } from './observe/trace/requestTrace.ts';
import type { RuntimeOptions } from './options.ts';
import { Audit, OPERATOR, RUNTIME } from './security/audit/audit.ts';
import type { AuditEvent } from './security/audit/event.ts';
import { incidentEvent } from './security/audit/incidentEvent.ts';
import { GuardWatch } from './security/audit/guardWatch.ts';
import { operationOf, traceIdIn } from './security/audit/operations.ts';

type Seen = Pick<IncomingMessage, 'socket' | 'headers' | 'method'>;

/** The audit, and the functions that feed it. */
export interface Audited {
  audit: Audit;
  /** Records changes of the guard; call it often. */
  watchGuard: () => void;
  /** Makes the audit follow a request's trace. */
  follow: (request: Seen, route: string, trace: RequestTrace) => RequestTrace;
  /** Why the agent does not serve the last of the open requests, whose events could not be stored; undefined otherwise. */
  unavailable: (openRequests: number) => Failure | undefined;
}

const UNAVAILABLE: Failure = {
  reason: 'AuditUnavailable',
  message: 'The agent cannot record requests at present, and must not serve any without.',
  retryAfterMs: 5000,
};

export function makeAudit(
  {
    pod,
    version,
    writeOut,
    auditHeadPath: headPath,
    auditQueueDirectory: queueDirectory,
  }: RuntimeOptions,
  core: Core,
): Audited {
  const { clock, guard, log, credentials } = core;
  const audit = new Audit({
    sourceOf: core.sourceOf,
    clock,
    pod,
    version,
    writeOut,
    headPath,
    log: log('audit'),
    queueDirectory,
    fetch: (url, init) => core.fetch(url, init),
    readHeaders: (headers) => {
      const read = readHeaders(headers, credentials);
      return 'missing' in read ? undefined : read.headers;
    },
  });
  const watch = new GuardWatch({
    circuits: () => guard.circuits(),
    limits: () => guard.limits(),
    time: () => clock.date().getTime(),
    record: (event) => audit.record(event),
  });
  hear(core, audit, watch);
  auditMetrics(core.metrics.registry, () => audit.stats());
  return {
    audit,
    watchGuard: () => watch.look(),
    follow: (request, route, trace) => {
      trace.listener = audit.begin(
        request,
        () => ({
          id: trace.ids.requestId,
          traceId: trace.traceId ?? traceIdIn(request.headers['traceparent']),
          operation: operationOf(request.method, route),
        }),
        () => trace.ids.conversation,
      );
      return trace;
    },
    unavailable: (openRequests) => (audit.refuses(openRequests) ? UNAVAILABLE : undefined),
  };
}

function hear({ events, clock, configuration }: Core, audit: Audit, watch: GuardWatch): void {
  // Runs before other listeners, so that the new configuration decides how its own effects are recorded.
  events.prependListener('apply', (content) => audit.apply(content));
  events.on('expired', (id, keeping) => {
    audit.record(ended(id, clock.date().getTime()));
    keeping(audit.flush());
  });
  events.on('incident', (incident, detection, change) => {
    const time = clock.date().getTime();
    audit.record(incidentEvent(incident, detection, { change, time }));
  });
  events.on('transition', (transition) => watch.changed(transition));
  events.on('configuration', (offer) => {
    if (offer !== 'Applied' && offer !== 'Refused') return;
    const time = clock.date().getTime();
    audit.record({ ...offered(offer, configuration.status()), time });
    watch.look();
  });
}

function ended(id: string, time: number): AuditEvent {
  return {
    ...{ type: 'ConversationEnded', time, outcome: 'Success', actor: RUNTIME },
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
