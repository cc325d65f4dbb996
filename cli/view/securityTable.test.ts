import { expect, it } from '@jest/globals';
import type { ShownSecurity } from '../../operator/status/security.ts';
import { guarded, NOW } from './fixtures.ts';
import { securityOf, securityTable } from './securityTable.ts';

const table = (width = 200): string[] => {
  const agent = guarded();
  const incident: NonNullable<ShownSecurity['open']>[number] = {
    id: 'i1',
    type: 'DataExfiltration',
    form: 'Answer',
    level: 'High',
    count: 2,
    pod: 'a',
    since: NOW.toISOString(),
    lastSeen: NOW.toISOString(),
    message: 'A secret was found.',
  };
  agent.status!.security = {
    ...{ level: 'High', openIncidents: 1, open: [incident], total: 7 },
    levels: [
      { level: 'High', open: 1, total: 1 },
      { level: 'Low', open: 0, total: 6 },
    ],
    counts: [
      { type: 'DataExfiltration', count: 1 },
      { type: 'RateLimitAbuse', count: 6 },
    ],
  };
  const options = { now: NOW, width, colours: false };
  return securityTable([securityOf(agent)], options);
};

it('security shows totals by level and by type, and each open incident in a sentence', () => {
  expect(table()).toEqual([
    'AGENT   THREAT  OPEN  TOTAL  BY LEVEL       BY TYPE',
    'triage  High    1     7      High 1, Low 6  DataExfiltration 1, RateLimitAbuse 6',
    '',
    'triage, for 0s: High threat: DataExfiltration (Answer), seen 2 times in pod a. A secret was found.',
  ]);
});

it('security of an agent without a report, and of none, is said', () => {
  const { status: _, ...agent } = guarded();
  const options = { now: NOW, width: 80, colours: false };
  expect(securityTable([securityOf(agent)], options)[1]).toContain('unknown');
  expect(securityTable([], options)).toEqual(['There are no agents.']);
});
