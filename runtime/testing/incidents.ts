import { Incidents } from '../security/incidents/incidents.ts';
import type { ResponseInForce } from '../security/incidents/responses.ts';

const LONG = 'ä'.repeat(1000);

/** Makes `count` open incidents, each with texts of the greatest length. */
export function incidentsOf(count: number): Incidents {
  const incidents = new Incidents({
    now: () => 0,
    time: () => 0,
    newId: () => 'x'.repeat(36),
    onIncident: () => undefined,
  });
  incidents.apply({
    ...{ windowMs: 60_000, maxTracked: 1000, thresholds: {}, raiseAt: 10, manySources: 100 },
  });
  for (let i = 0; i < count; i += 1) {
    incidents.report({
      ...{ type: 'ToolMisuse', form: 'ArgumentsRefused', asset: 'Tools', denied: true },
      client: { id: `${i}`, authentication: 'JWT', name: `${i}${LONG}` },
      source: '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff',
      resource: { type: 'tool', name: `${i}${LONG}` },
      evidence: LONG,
    });
  }
  return incidents;
}

/** A response in force with texts of the greatest length. */
export function longestResponse(): ResponseInForce {
  const incident = incidentsOf(1).last!;
  const { client, source } = incident;
  return { action: 'Throttle', client, source, since: 0, until: 0, incident };
}
