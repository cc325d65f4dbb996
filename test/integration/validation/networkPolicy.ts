import type { Row } from './row.ts';

type Peers = 'from' | 'metricsFrom';

/** Bad values of a label selector of a peer. */
function selector(peers: Peers, name: 'podSelector' | 'namespaceSelector'): Row[] {
  const rule = `$.spec.networkPolicy.${peers}[*].${name}`;
  const field = `spec.networkPolicy.${peers}[0].${name}`;
  const spec = (value: unknown): { spec: object } => ({
    spec: { networkPolicy: { [peers]: [{ [name]: value }] } },
  });
  return [
    [
      `${rule}.matchExpressions[*] required key`,
      spec({ matchExpressions: [{ operator: 'In' }] }),
      `${field}.matchExpressions[0].key: Required value`,
    ],
    [
      `${rule}.matchExpressions[*] required operator`,
      spec({ matchExpressions: [{ key: 'app' }] }),
      `${field}.matchExpressions[0].operator: Required value`,
    ],
  ];
}

/** Bad values of a list of peers. */
function peers(name: Peers): Row[] {
  const rule = `$.spec.networkPolicy.${name}`;
  const field = `spec.networkPolicy.${name}`;
  const spec = (value: unknown): { spec: object } => ({
    spec: { networkPolicy: { [name]: value } },
  });
  return [
    [
      `${rule}[*] rule 0`,
      spec([{}]),
      `${field}[0]: Invalid value: "object": must have either ipBlock, or podSelector and namespaceSelector or one of them`,
    ],
    [
      `${rule}[*].ipBlock required cidr`,
      spec([{ ipBlock: {} }]),
      `${field}[0].ipBlock.cidr: Required value`,
    ],
    [
      `${rule}[*].ipBlock.cidr rule 0`,
      spec([{ ipBlock: { cidr: 'everywhere' } }]),
      `${field}[0].ipBlock.cidr: Invalid value: "string": must be a range of addresses, such as 192.0.2.0/24`,
    ],
    [
      `${rule}[*].ipBlock.except[*] rule 0`,
      spec([{ ipBlock: { cidr: '192.0.2.0/24', except: ['everywhere'] } }]),
      `${field}[0].ipBlock.except[0]: Invalid value: "string": must be a range of addresses, such as 192.0.2.0/28`,
    ],
    ...selector(name, 'podSelector'),
    ...selector(name, 'namespaceSelector'),
  ];
}

/** Bad values of spec.networkPolicy. */
export const rows: Row[] = [...peers('from'), ...peers('metricsFrom')];
