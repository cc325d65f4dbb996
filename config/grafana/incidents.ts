import { AGENT } from './panel.ts';
import type { Panel } from './panel.ts';

/** A row of their own. `who` chooses the agents. */
export const incidentPanels = (who: string): Panel[] => [
  {
    title: 'Open incidents',
    description:
      'Security incidents that are open, by threat level. SecurityIncident fires at High and Critical.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, level) (security_incidents_open{${who}})`,
        legend: `{{${AGENT}}} {{level}}`,
      },
    ],
  },
  {
    title: 'Clients held',
    description: 'Clients and addresses that security.responses throttles or blocks.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, action) (security_responses_in_force{${who}})`,
        legend: `{{${AGENT}}} {{action}}`,
      },
    ],
  },
  {
    title: 'Incidents by level',
    description:
      'Security incidents in a day, by threat level; one whose level rises counts at each level.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, level) (increase(security_incidents_total{${who}}[1d]))`,
        legend: `{{${AGENT}}} {{level}}`,
      },
    ],
  },
  {
    title: 'New incidents',
    description:
      'Security incidents in an hour, by type; one whose level rises counts at each level.',
    unit: 'none',
    queries: [
      {
        expr: `sum by (${AGENT}, type) (increase(security_incidents_total{${who}}[1h]))`,
        legend: `{{${AGENT}}} {{type}}`,
      },
    ],
  },
];
