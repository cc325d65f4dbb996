import { describe, expect, it } from '@jest/globals';
import { PORTS } from '../../../contract/link.ts';
import type { AgentDeploymentSpec } from '../../../crds/generated/types.ts';
import { agentFixture } from '../../testing/fixtures.ts';
import { labels } from '../common/metadata.ts';
import { buildNetworkPolicy, OPERATOR_LABELS } from './networkPolicy.ts';
import { isReachable, type Host } from '../../testing/reachability.ts';

const namespace = (name: string, rest = {}): NonNullable<Host['namespace']> => ({
  name,
  labels: { 'kubernetes.io/metadata.name': name, ...rest },
});
const home = namespace('support');

const target: Host = { ip: '10.0.0.1', namespace: home, labels: labels(agentFixture('triage')) };

const hosts = {
  'a sibling': { ...target, ip: '10.0.0.2' },
  'another agent of the namespace': {
    ip: '10.0.0.3',
    namespace: home,
    labels: labels(agentFixture('other')),
  },
  'any pod of the namespace': { ip: '10.0.0.4', namespace: home, labels: { app: 'shop' } },
  'the operator': {
    ip: '10.0.1.1',
    namespace: namespace('breakwater-system'),
    labels: OPERATOR_LABELS,
  },
  'a pod beside the operator': {
    ip: '10.0.1.2',
    namespace: namespace('breakwater-system'),
    labels: { app: 'shop' },
  },
  'a pod dressed up as the operator': { ip: '10.0.0.5', namespace: home, labels: OPERATOR_LABELS },
  'an agent of the same name elsewhere': {
    ...target,
    ip: '10.0.2.1',
    namespace: namespace('sales'),
  },
  'an ingress controller': {
    ip: '10.0.3.1',
    namespace: namespace('ingress', { tier: 'edge' }),
    labels: { app: 'gateway' },
  },
  'another pod of its namespace': {
    ip: '10.0.3.2',
    namespace: namespace('ingress', { tier: 'edge' }),
    labels: { app: 'shop' },
  },
  Prometheus: {
    ip: '10.0.4.1',
    namespace: namespace('monitoring'),
    labels: { app: 'prometheus' },
  },
  'a client outside': { ip: '192.0.2.7' },
  'a client in a range left out': { ip: '192.0.2.200' },
} satisfies Record<string, Host>;

type Name = keyof typeof hosts;
const everybody = Object.keys(hosts) as Name[];
const local: Name[] = [
  'a sibling',
  'another agent of the namespace',
  'any pod of the namespace',
  'a pod dressed up as the operator',
];

/** Hosts that reach a port, in the order of the table. */
function reaching(
  spec: AgentDeploymentSpec['networkPolicy'],
  port: number,
  mesh?: 'IstioSidecar' | 'IstioAmbient',
): Name[] {
  const policy = buildNetworkPolicy(
    agentFixture('triage', { networkPolicy: spec }),
    'breakwater-system',
    mesh,
  );
  const policies = policy === undefined ? [] : [policy];
  return everybody.filter((name) => isReachable(policies, hosts[name], target, port));
}

interface Row {
  when: string;
  spec: AgentDeploymentSpec['networkPolicy'];
  agent: Name[];
  metrics: Name[];
  control: Name[];
}

const ROWS: Row[] = [
  {
    when: 'nothing is asked for',
    spec: { enabled: true },
    agent: local,
    metrics: everybody,
    control: ['the operator'],
  },
  {
    when: 'clients are named by pod and namespace',
    spec: {
      enabled: true,
      from: [
        {
          podSelector: { matchLabels: { app: 'gateway' } },
          namespaceSelector: {
            matchExpressions: [{ key: 'tier', operator: 'In', values: ['edge'] }],
          },
        },
      ],
    },
    agent: ['a sibling', 'an ingress controller'],
    metrics: everybody,
    control: ['the operator'],
  },
  {
    when: 'clients are named by namespace',
    spec: { enabled: true, from: [{ namespaceSelector: { matchLabels: { tier: 'edge' } } }] },
    agent: ['a sibling', 'an ingress controller', 'another pod of its namespace'],
    metrics: everybody,
    control: ['the operator'],
  },
  {
    when: 'clients are named by address',
    spec: {
      enabled: true,
      from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } }],
    },
    agent: ['a sibling', 'a client outside'],
    metrics: everybody,
    control: ['the operator'],
  },
  {
    when: 'metrics are for Prometheus alone',
    spec: {
      enabled: true,
      metricsFrom: [
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ],
    },
    agent: local,
    metrics: ['Prometheus'],
    control: ['the operator'],
  },
  {
    when: 'there are to be no bounds',
    spec: { enabled: false },
    agent: everybody,
    metrics: everybody,
    control: everybody,
  },
];

describe.each(ROWS)('when $when', ({ spec, agent, metrics, control }) => {
  it.each([
    ['the agent', PORTS.agent, agent],
    ['metrics and health', PORTS.metrics, metrics],
    ['the control link', PORTS.control, control],
  ] as const)('%s is reached by those it is for', (_what, port, expected) => {
    expect(reaching(spec, port)).toEqual(expected);
  });
});

it('the NetworkPolicy closes all other ports', () => {
  expect(reaching({ enabled: true }, 9091)).toEqual([]);
  expect(reaching({ enabled: true }, 15008, 'IstioSidecar')).toEqual([]);
});

it('the port of an ambient mesh is open to exactly the hosts that may reach another port', () => {
  const monitoring = { 'kubernetes.io/metadata.name': 'monitoring' };
  const metricsFrom = [{ namespaceSelector: { matchLabels: monitoring } }];
  const reached = reaching({ enabled: true, metricsFrom }, 15008, 'IstioAmbient');
  expect(new Set(reached)).toEqual(new Set([...local, 'Prometheus', 'the operator']));
  expect(reaching({ enabled: true }, 15008, 'IstioAmbient')).toEqual(everybody);
});
