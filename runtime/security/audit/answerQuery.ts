import type { AuditQuery } from '../../../contract/audit.ts';
import type { Audit, AuditAnswer } from './audit.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * Answers a query of /debug/audit: actor, type, outcome, source, conversation, request, since, until (milliseconds or RFC 3339),
 * and limit, or count=true for their number alone.
 */
export function answerQuery(audit: Audit, asked: URLSearchParams): Promise<AuditAnswer> {
  const query: AuditQuery = {};
  for (const name of ['actor', 'type', 'outcome', 'source', 'conversation', 'request'] as const) {
    const value = asked.get(name);
    if (value !== null) query[name] = value;
  }
  for (const name of ['since', 'until'] as const) {
    const time = timeOf(asked.get(name));
    if (time !== undefined) query[name] = time;
  }
  if (asked.get('count') === 'true') return audit.query(query, 0);
  const limit = Number(asked.get('limit') ?? DEFAULT_LIMIT);
  return audit.query(query, limit >= 1 ? Math.min(Math.floor(limit), MAX_LIMIT) : DEFAULT_LIMIT);
}

function timeOf(text: string | null): number | undefined {
  if (text === null) return undefined;
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
