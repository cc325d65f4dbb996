import { DEPRECATED, refusal } from '../../../crds/deprecated.ts';
import { definitions } from '../../../crds/definitions.ts';
import type { Schema } from '../../../crds/definitions.ts';
import type { Row } from './row.ts';

const JWT = {
  issuer: 'https://sso.example.com',
  audiences: ['triage'],
  jwksURL: 'https://sso.example.com/keys',
};

/** Specs that newly set a removed field, by its kind and path. */
const SPECS: Record<string, Record<string, object>> = {
  AgentDeployment: {
    'spec.audit.webhook': { audit: { webhook: { url: 'https://events.example.com' } } },
    'spec.audit.memoryEvents': { audit: { memoryEvents: 100 } },
    'spec.audit.bufferBytes': { audit: { bufferBytes: 65_536 } },
    'spec.audit.authenticationInterval': { audit: { authenticationInterval: '1h' } },
    'spec.audit.otlp.queueBytes': {
      audit: { otlp: { url: 'http://collector:4318/v1/logs', queueBytes: 65_536 } },
    },
    'spec.security.incidents.window': { security: { incidents: { window: '10m' } } },
    'spec.security.incidents.maxTracked': { security: { incidents: { maxTracked: 1000 } } },
    'spec.security.incidents.raiseLevelAt': { security: { incidents: { raiseLevelAt: 10 } } },
    'spec.security.incidents.manySources': { security: { incidents: { manySources: 10 } } },
    'spec.security.incidents.spend': { security: { incidents: { spend: { hours: 24 } } } },
    'spec.auth.failures': { auth: { failures: { perMinute: 30 } } },
    'spec.auth.jwt.keys': { auth: { type: 'JWT', jwt: { ...JWT, keys: { timeout: '5s' } } } },
    'spec.timeouts.transportIdle': { timeouts: { transportIdle: '45s' } },
  },
  CircuitBreakerPolicy: {
    'spec.fleet.hintLifetime': { scope: 'Fleet', fleet: { hintLifetime: '20s' } },
    'spec.trip.abandonedAfter': { trip: { consecutiveFailures: 5, abandonedAfter: '20s' } },
  },
};

/** Rows for the rules that refuse removed fields. */
export function removedRows(kind: string): Row[] {
  const { schema } = definitions().find(({ definition }) => definition.spec.names.kind === kind)!;
  return DEPRECATED.filter((field) => field.kind === kind && field.how === 'Removed').map(
    (field): Row => {
      const { rule, message } = refusal(field);
      const parent = field.path.split('.').slice(0, -1);
      const rules = at(schema, parent)['x-kubernetes-validations']!;
      const index = rules.findIndex((each) => each.rule === rule);
      const spec = SPECS[kind]?.[field.path];
      return [
        `$.${parent.join('.')} rule ${index}`,
        { spec },
        `${field.path}: Invalid value: "object": ${message}`,
      ];
    },
  );
}

function at(schema: Schema, path: readonly string[]): Schema {
  return path.reduce((each, step) => each.properties![step]!, schema);
}
