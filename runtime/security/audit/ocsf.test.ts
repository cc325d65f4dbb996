import { describe, expect, it } from '@jest/globals';
import { AUDIT_TYPES } from '../../../contract/audit.ts';
import { ocsfFaults } from '../../testing/ocsf/ocsf.ts';
import type { AuditEvent } from './event.ts';
import { toOcsf } from './ocsf.ts';

const ORIGIN = {
  namespace: 'support',
  agent: 'triage',
  pod: 'triage-0',
  podUid: 'uid-0',
  version: '0.1.0',
};

const EVENT: AuditEvent = {
  type: 'RequestMade',
  time: 1_763_800_000_000,
  outcome: 'Success',
  actor: { kind: 'Client', id: 'alice', authentication: 'APIKey' },
  operation: 'messages.create',
  message: 'A request was answered.',
  source: '192.0.2.7',
  requestId: 'req_1',
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  status: 200,
  model: 'claude-sonnet-4-5',
  tokens: { inputTokens: 12, outputTokens: 30 },
};
const SPARSE: AuditEvent = {
  type: 'CircuitOpened',
  time: 0,
  outcome: 'Success',
  actor: { kind: 'Program', name: 'breakwater-runtime' },
  operation: 'circuits.open',
  message: 'The circuit is open.',
};

describe('an event of the audit', () => {
  const outcomes = ['Success', 'Failure', 'Denied'] as const;
  it.each(AUDIT_TYPES)('of type %s is valid by OCSF 1.8, with all facts and with few', (type) => {
    for (const outcome of outcomes) {
      for (const event of [EVENT, SPARSE]) {
        const resource = { type: 'tool', name: 'find_order' };
        for (const more of [
          {},
          { reason: 'RateLimited', policy: 'fair', resource, conversation: 'c1' },
        ]) {
          expect(ocsfFaults(toOcsf({ ...event, ...more, type, outcome }, ORIGIN))).toEqual([]);
        }
      }
    }
  });

  it('has the class of the framework', () => {
    const classOf = (type: AuditEvent['type']): unknown =>
      toOcsf({ ...EVENT, type }, ORIGIN)['class_uid'];
    expect(classOf('RequestMade')).toBe(6003);
    expect(classOf('AuthenticationFailed')).toBe(3002);
    expect(classOf('SecurityIncident')).toBe(2004);
  });

  it('says that the agent denied it', () => {
    const denied = toOcsf({ ...EVENT, outcome: 'Denied', reason: 'RateLimited' }, ORIGIN);
    expect(denied).toMatchObject({
      action_id: 2,
      disposition_id: 2,
      status_id: 2,
      status_code: 'RateLimited',
    });
  });

  it('bounds texts of clients, and repairs malformed Unicode', () => {
    const model = `${'m'.repeat(300)}\ud800`;
    const event = toOcsf(
      { ...EVENT, model: `\ud800${model}`, arguments: { text: 'x'.repeat(5000) } },
      ORIGIN,
    );
    const { name } = event['ai_model'] as { name: string };
    expect(name).toHaveLength(256);
    expect(name.isWellFormed()).toBe(true);
    const { request } = event['api'] as { request: { data: string } };
    expect(request.data).toHaveLength(4096);
    expect(event.metadata['is_truncated']).toBe(true);
    expect(ocsfFaults(event)).toEqual([]);
  });
});

describe('the check against the schema', () => {
  const event = (): Record<string, unknown> => toOcsf(EVENT, ORIGIN);
  it.each<[string, (event: Record<string, unknown>) => object]>([
    ['actor: is missing', ({ actor: _, ...rest }) => rest],
    ['color: is unknown', (rest) => ({ ...rest, color: 'blue' })],
    ['time: is no timestamp_t', (rest) => ({ ...rest, time: 'now' })],
    ['severity_id: is no integer_t', (rest) => ({ ...rest, severity_id: 7 })],
    ['type_uid: is not class_uid × 100 + activity_id', (rest) => ({ ...rest, type_uid: 1 })],
    ['src_endpoint.: needs one of', (rest) => ({ ...rest, src_endpoint: {} })],
    ['action_id: is not Denied', (rest) => ({ ...rest, action: 'Denied' })],
  ])('finds that %s', (fault, change) => {
    expect(ocsfFaults(change(event()) as Record<string, unknown>).join()).toContain(fault);
  });
});
