/** The Grafana dashboards, as code: what is the same in every panel stands here once. */
import { AGENTS } from './agents.ts';
import { FLEET } from './fleet.ts';
import { OPERATOR } from './operator.ts';
import { AGENT } from './panel.ts';
import type { Panel } from './panel.ts';

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
const HEIGHT = 8;
const WIDTH = 12;

interface Dashboard {
  /** Its uid, and the name of its file. */
  name: string;
  title: string;
  description: string;
  panels: Panel[];
  variables: object[];
}

/** The dashboards as Grafana imports them, by the name of their files. */
export function dashboards(): Record<string, object> {
  return Object.fromEntries(DASHBOARDS.map((each) => [each.name, dashboardOf(each)]));
}

/** The expressions of all panels of a dashboard. */
export function expressionsOf(name: string): string[] {
  const { panels } = DASHBOARDS.find((each) => each.name === name)!;
  return panels.flatMap(({ queries }) => queries.map(({ expr }) => expr));
}

/** Those of all dashboards. */
export function expressions(): string[] {
  return DASHBOARDS.flatMap(({ name }) => expressionsOf(name));
}

function dashboardOf({ name, title, description, panels, variables }: Dashboard): object {
  return {
    uid: name,
    title,
    description,
    tags: ['breakwater'],
    editable: true,
    schemaVersion: 39,
    version: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    links: [{ type: 'dashboards', title: 'Breakwater', tags: ['breakwater'], keepTime: true }],
    templating: { list: variables },
    panels: panels.map((panel, index) => ({
      id: index + 1,
      gridPos: {
        x: (index % 2) * WIDTH,
        y: Math.floor(index / 2) * HEIGHT,
        w: WIDTH,
        h: HEIGHT,
      },
      ...panelOf(panel),
    })),
  };
}

function panelOf({ title, description, unit, queries, type = 'timeseries' }: Panel): object {
  return {
    type,
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit,
        ...(type === 'state-timeline' ? { mappings: [STATES], color: { mode: 'fixed' } } : {}),
      },
      overrides: queries.some(({ legend }) => legend.endsWith(' memory')) ? [MEMORY] : [],
    },
    options: {},
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
    })),
  };
}

const STATES = {
  type: 'value',
  options: {
    0: { text: 'closed', color: 'green', index: 0 },
    1: { text: 'half open', color: 'yellow', index: 1 },
    2: { text: 'open', color: 'red', index: 2 },
  },
};

const MEMORY = {
  matcher: { id: 'byRegexp', options: '/ memory$/' },
  properties: [
    { id: 'unit', value: 'bytes' },
    { id: 'custom.axisPlacement', value: 'right' },
  ],
};

const SOURCE = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
};

function choice(name: string, label: string, definition: string): object {
  return {
    ...{ includeAll: true, multi: true, refresh: 2, sort: 1, type: 'query' },
    name,
    label,
    definition,
    query: { query: definition, refId: name },
    datasource: DATASOURCE,
    current: { text: ['All'], value: ['$__all'] },
    allValue: '.+',
  };
}

/** Of a million tokens. No price is known here: the reader states those of the models. */
function price(name: string, label: string, value: string): object {
  const current = { text: value, value };
  return { name, label, type: 'textbox', query: value, current, options: [current] };
}

const NAMESPACE = choice(
  'namespace',
  'Namespace',
  'label_values(circuit_breaker_state, namespace)',
);
const PRICES = [
  price('input_price', 'Price of 1M input tokens', '3'),
  price('output_price', 'Price of 1M output tokens', '15'),
];

const DASHBOARDS: readonly Dashboard[] = [
  {
    name: 'breakwater-agents',
    title: 'Breakwater / Agents',
    description: 'LLM agents, their circuits and limits.',
    panels: AGENTS,
    variables: [
      SOURCE,
      NAMESPACE,
      choice(
        'agent',
        'Agent',
        `label_values(circuit_breaker_state{namespace=~"$namespace"}, ${AGENT})`,
      ),
      ...PRICES,
    ],
  },
  {
    name: 'breakwater-fleet',
    title: 'Breakwater / Fleet',
    description: 'All agents together, and which of them stand out.',
    panels: FLEET,
    variables: [SOURCE, NAMESPACE, ...PRICES],
  },
  {
    name: 'breakwater-operator',
    title: 'Breakwater / Operator',
    description: 'The operator that runs the agents.',
    panels: OPERATOR,
    variables: [
      SOURCE,
      choice('operator', 'Operator', 'label_values(leader_election_master_status, pod)'),
    ],
  },
];
