import { expect, test } from '@jest/globals';
import { AUDIT_GROUPS, AUDIT_OUTCOMES } from './audit.ts';
import schema from './generated/program.schema.json' with { type: 'json' };
import { INCIDENT_LEVELS, INCIDENT_TYPES } from './incidents.ts';

const { AuditType, Outcome, IncidentType, Level } = schema.definitions;

test("the local API has the audit's groups and outcomes, and the types and levels of incidents", () => {
  expect(AuditType.enum.toSorted()).toEqual(Object.keys(AUDIT_GROUPS).toSorted());
  expect(Outcome.enum).toEqual(AUDIT_OUTCOMES);
  expect(IncidentType.enum).toEqual(INCIDENT_TYPES);
  expect(Level.enum).toEqual(INCIDENT_LEVELS);
});
