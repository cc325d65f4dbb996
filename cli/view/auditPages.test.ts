import { describe, expect, it } from '@jest/globals';
import type { SealedEvent } from '../../contract/audit.ts';
import { AUDIT_GROUPS, AUDIT_TYPES, matches } from '../../contract/audit.ts';
import { joinPages, type AuditPage } from './auditPages.ts';

const event = (time: number, changes: Partial<SealedEvent> = {}): SealedEvent => ({
  ...{ time, class_uid: 6003, metadata: { event_code: 'RequestMade' } },
  ...changes,
});

const page = (times: number[], changes: Partial<AuditPage> = {}): AuditPage => ({
  ...{ enabled: true, events: times.map((time) => event(time)), searchedAll: true },
  ...changes,
});

describe('the events of several pods', () => {
  it('are one list, newest first, which names pods that are missing or have more', () => {
    const asked = [
      { pod: 'triage-a', page: page([9, 3]) },
      { pod: 'triage-b', page: new Error('no route') },
      { pod: 'triage-c', page: page([7, 5], { searchedAll: false }) },
    ];
    const { events, gaps } = joinPages('triage', asked, 3);
    expect(events.map(({ time }) => time)).toEqual([9, 7, 5]);
    expect(gaps).toEqual([
      'triage-b did not answer, so its events are missing: no route',
      'triage-c has older events than it searches: ask with --since, or read its files.',
    ]);
  });

  it('are counted over all pods', () => {
    const asked = [
      { pod: 'triage-a', page: page([], { count: 3 }) },
      { pod: 'triage-b', page: page([], { count: 4 }) },
    ];
    expect(joinPages('triage', asked, 50).count).toBe(7);
  });

  it('are found by their address, and by the group of their type', () => {
    const found = event(1, { src_endpoint: { ip: '192.0.2.1' } });
    expect(matches({ source: '192.0.2.1', type: 'LlmInteraction' }, found)).toBe(true);
    expect(matches({ source: '192.0.2.2' }, found)).toBe(false);
    expect(matches({ type: 'Authentication' }, found)).toBe(false);
    const finding = event(1, { evidences: [{ src_endpoint: { ip: '192.0.2.3' } }] });
    expect(matches({ source: '192.0.2.3' }, finding)).toBe(true);
  });

  it('are of types that are each in one of six groups, but for the event of a program, which names its own', () => {
    expect(Object.keys(AUDIT_GROUPS)).toHaveLength(6);
    expect(Object.values(AUDIT_GROUPS).flat().sort()).toEqual(
      AUDIT_TYPES.filter((type) => type !== 'ProgramEvent').sort(),
    );
  });

  it('are an error if no pod answers or records', () => {
    expect(() => joinPages('triage', [{ pod: 'a', page: new Error('no route') }], 9)).toThrow(
      'no route',
    );
    const off = { pod: 'a', page: page([], { enabled: false }) };
    expect(() => joinPages('triage', [off], 9)).toThrow('set spec.audit');
  });

  it('are found by the id of the request, of the provider, or of the trace', () => {
    const found = event(1, {
      metadata: { correlation_uid: 'req_own', original_event_uid: 'req_theirs' },
      trace: { uid: 'abc' },
    });
    for (const request of ['req_own', 'req_theirs', 'abc']) {
      expect(matches({ request }, found)).toBe(true);
    }
    expect(matches({ request: 'req_other' }, found)).toBe(false);
    expect(matches({ request: 'req_other' }, event(1))).toBe(false);
  });
});
