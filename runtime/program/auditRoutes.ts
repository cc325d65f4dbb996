import type { AuditAnswer, AuditEvent as Given } from '../../contract/generated/program.ts';
import { actorOf, outcomeOf } from '../../contract/audit.ts';
import type { AuditQuery, SealedEvent } from '../../contract/audit.ts';
import type { Failure } from '../errors/failure.ts';
import type { Clock } from '../guard/clock.ts';
import { Bucket } from '../resilience/bucket.ts';
import type { Audit } from '../security/audit/audit.ts';
import type { AuditEvent } from '../security/audit/event.ts';
import { checked, checkedParameter, invalid } from './checks.ts';
import { LIMITED } from './localServer.ts';
import type { LocalAnswer, LocalRoutes } from './localServer.ts';

export interface AuditRoutesDeps {
  audit: Pick<Audit, 'enabled' | 'query' | 'recordAll'>;
  clock: Pick<Clock, 'now' | 'date'>;
}

/** Events per second that the program may record. */
export const PROGRAM_EVENTS_PER_SECOND = 200;
/** Events in one answer, at most and by default. */
const MAX_ANSWER = 100;

const UNAVAILABLE: Failure = {
  reason: 'AuditUnavailable',
  message: 'The agent cannot record events at present.',
  retryAfterMs: 5000,
};

/** Records the program's own events in the audit, and finds them again. */
export function auditRoutes({ audit, clock }: AuditRoutesDeps): LocalRoutes {
  const perSecond = PROGRAM_EVENTS_PER_SECOND;
  const spec = { amount: perSecond, perMs: 1000, capacity: perSecond };
  const bucket = new Bucket(spec, clock.now());
  const record = (given: readonly Given[]): LocalAnswer => {
    const now = clock.now();
    if (bucket.wait(given.length, now) > 0) return { failure: LIMITED };
    bucket.take(given.length, now);
    if (!audit.enabled) return { json: { recorded: 0 } };
    const time = clock.date().getTime();
    if (!audit.recordAll(given.map((each) => eventOf(each, time)))) return { failure: UNAVAILABLE };
    return { json: { recorded: given.length } };
  };
  return {
    'POST /v1/audit': {
      answer: (_, bytes) => {
        const given = checked('AuditEvents', bytes);
        return 'failure' in given ? given : record(given.body.events);
      },
    },
    'GET /v1/audit': { answer: ({ query }) => find(audit, query) },
  };
}

async function find(audit: AuditRoutesDeps['audit'], query: URLSearchParams): Promise<LocalAnswer> {
  const asked = queryOf(query);
  if ('failure' in asked) return asked;
  const { limit, ...of } = asked;
  const { enabled, events } = await audit.query({ ...of, type: 'ProgramEvent' }, limit);
  const answer: AuditAnswer = { enabled, events: events.map(shown) };
  return { json: answer };
}

function queryOf(query: URLSearchParams): (AuditQuery & { limit: number }) | { failure: Failure } {
  const program = checkedParameter('AuditType', query, 'type');
  if ('failure' in program) return program;
  const outcome = checkedParameter('Outcome', query, 'outcome');
  if ('failure' in outcome) return outcome;
  const limit = Number(query.get('limit') ?? MAX_ANSWER);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_ANSWER) {
    return invalid(`limit: must be an integer from 1 to ${MAX_ANSWER}.`);
  }
  const asked = { program: program.body, outcome: outcome.body, actor: query.get('actor') };
  return { ...compact(asked), limit };
}

/** Only the members that are there. */
function compact(asked: Record<string, string | null | undefined>): AuditQuery {
  return Object.fromEntries(
    Object.entries(asked).filter(([, value]) => value !== null && value !== undefined),
  );
}

function eventOf(given: Given, time: number): AuditEvent {
  const { type, actor, action, outcome = 'Success', resource, metadata } = given;
  return {
    ...{ type: 'ProgramEvent', time, outcome, operation: action },
    actor:
      actor === undefined
        ? { kind: 'Program', name: 'program' }
        : { kind: 'Client', id: actor, authentication: 'None' },
    message: 'The program recorded an event of its own.',
    program: {
      type,
      ...(resource !== undefined && { resource }),
      ...(metadata !== undefined && { metadata }),
    },
  };
}

function shown(event: SealedEvent): AuditAnswer['events'][number] {
  const { type = '', resource, metadata } = event.unmapped?.program ?? {};
  return {
    id: event.metadata.uid ?? '',
    time: new Date(event.time).toISOString(),
    type: type as Given['type'],
    actor: actorOf(event),
    action: event.api?.operation ?? '',
    outcome: outcomeOf(event),
    ...(resource !== undefined && { resource }),
    ...(metadata !== undefined && { metadata }),
  };
}
