import type { IncomingMessage } from 'node:http';
import type { Core } from './makeCore.ts';
import { incidentMetrics, responseMetrics } from './observe/incidentMetrics.ts';
import type { RequestTrace } from './observe/trace/requestTrace.ts';
import { CredentialWatch } from './security/credentialWatch.ts';
import { RequestWatch } from './security/requestWatch.ts';
import type { Failure } from './errors/failure.ts';
import type { DetectedClient } from './security/incidents/incident.ts';
import { Responses } from './security/incidents/responses.ts';
import { Spend } from './security/incidents/spend.ts';

/** Detection of attacks, and the functions that feed it. */
export interface Watched {
  /** Watches a request, in addition to its trace's listener. */
  watch: (
    request: Pick<IncomingMessage, 'socket' | 'headers'>,
    trace: RequestTrace,
  ) => RequestTrace;
  /** Refusal of a request by security.responses for its address, if its client is unknown. */
  blockedSource: (request: IncomingMessage) => Failure | undefined;
  /** Refusal of a request by security.responses for its client. */
  blockedClient: (client: DetectedClient) => Failure | undefined;
  /** Responses in force. */
  responses: Responses;
  /** Looks for credentials that providers refuse; call it often. */
  watchCredentials: () => void;
}

export function makeIncidents(core: Core): Watched {
  const { incidents, clock, guard, events, metrics, sourceOf } = core;
  const spend = new Spend();
  const responses = new Responses({
    now: () => clock.now(),
    time: () => clock.date().getTime(),
    isOpen: (incident) => incidents.isOpen(incident),
  });
  events.on('incident', (incident, detection) => responses.begin(incident, detection));
  const credentials = new CredentialWatch((detection) => incidents.report(detection));
  events.prependListener('apply', ({ security }) => {
    const { spend: unusual, ...rules } = security.incidents;
    const { maxTracked } = rules;
    incidents.apply(rules);
    responses.apply(security.responses, maxTracked);
    spend.apply({ ...unusual, maxClients: maxTracked });
  });
  incidentMetrics(metrics.registry, incidents);
  responseMetrics(metrics.registry, responses);
  const report = incidents.report.bind(incidents);
  return {
    watch: (request, trace) => {
      trace.listener = new RequestWatch(trace.listener, {
        report,
        isUnusual: ({ id, authentication }, tokens) =>
          spend.add(`${authentication} ${id}`, tokens, clock.now()),
        ids: () => trace.ids,
        source: sourceOf(request),
      });
      return trace;
    },
    blockedSource: (request) => {
      if (responses.size === 0 || core.clients.knows(request)) return undefined;
      return responses.source(sourceOf(request));
    },
    blockedClient: (client) => responses.client(client),
    responses,
    watchCredentials: () => credentials.look(guard.gates()),
  };
}
