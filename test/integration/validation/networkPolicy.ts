import { manyEntries, type Row } from './row.ts';

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
      `${rule} type`,
      spec('text'),
      `${field}: Invalid value: "string": ${field} in body must be of type object: "string"`,
    ],
    [
      `${rule}.matchLabels type`,
      spec({ matchLabels: 'text' }),
      `${field}.matchLabels: Invalid value: "string": ${field}.matchLabels in body must be of type object: "string"`,
    ],
    [
      `${rule}.matchLabels maxProperties`,
      spec({ matchLabels: manyEntries(65) }),
      `${field}.matchLabels: Too many: 65: must have at most 64 items`,
    ],
    [
      `${rule}.matchLabels.* type`,
      spec({ matchLabels: { app: 3 } }),
      `${field}.matchLabels.app: Invalid value: "integer": ${field}.matchLabels.app in body must be of type string: "integer"`,
    ],
    [
      `${rule}.matchLabels.* maxLength`,
      spec({ matchLabels: { app: 'a'.repeat(64) } }),
      `${field}.matchLabels.app: Too long: may not be more than 63 bytes`,
    ],
    [
      `${rule}.matchExpressions type`,
      spec({ matchExpressions: 'text' }),
      `${field}.matchExpressions: Invalid value: "string": ${field}.matchExpressions in body must be of type array: "string"`,
    ],
    [
      `${rule}.matchExpressions maxItems`,
      spec({
        matchExpressions: Array.from({ length: 65 }, () => ({ key: 'app', operator: 'In' })),
      }),
      `${field}.matchExpressions: Too many: 65: must have at most 64 items`,
    ],
    [
      `${rule}.matchExpressions[*] type`,
      spec({ matchExpressions: ['text'] }),
      `${field}.matchExpressions[0]: Invalid value: "string": ${field}.matchExpressions[0] in body must be of type object: "string"`,
    ],
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
    [
      `${rule}.matchExpressions[*].key type`,
      spec({ matchExpressions: [{ key: 3, operator: 'In' }] }),
      `${field}.matchExpressions[0].key: Invalid value: "integer": ${field}.matchExpressions[0].key in body must be of type string: "integer"`,
    ],
    [
      `${rule}.matchExpressions[*].key minLength`,
      spec({ matchExpressions: [{ key: '', operator: 'In' }] }),
      `${field}.matchExpressions[0].key: Invalid value: "": ${field}.matchExpressions[0].key in body should be at least 1 chars long`,
    ],
    [
      `${rule}.matchExpressions[*].key maxLength`,
      spec({ matchExpressions: [{ key: 'a'.repeat(318), operator: 'In' }] }),
      `${field}.matchExpressions[0].key: Too long: may not be more than 317 bytes`,
    ],
    [
      `${rule}.matchExpressions[*].operator type`,
      spec({ matchExpressions: [{ key: 'app', operator: 3 }] }),
      `${field}.matchExpressions[0].operator: Invalid value: "integer": ${field}.matchExpressions[0].operator in body must be of type string: "integer"`,
      `${field}.matchExpressions[0].operator: Unsupported value: 3: supported values: "In", "NotIn", "Exists", "DoesNotExist"`,
    ],
    [
      `${rule}.matchExpressions[*].operator enum`,
      spec({ matchExpressions: [{ key: 'app', operator: 'Other' }] }),
      `${field}.matchExpressions[0].operator: Unsupported value: "Other": supported values: "In", "NotIn", "Exists", "DoesNotExist"`,
    ],
    [
      `${rule}.matchExpressions[*].values type`,
      spec({ matchExpressions: [{ key: 'app', operator: 'In', values: 'text' }] }),
      `${field}.matchExpressions[0].values: Invalid value: "string": ${field}.matchExpressions[0].values in body must be of type array: "string"`,
    ],
    [
      `${rule}.matchExpressions[*].values maxItems`,
      spec({
        matchExpressions: [
          { key: 'app', operator: 'In', values: Array.from({ length: 65 }, () => 'app') },
        ],
      }),
      `${field}.matchExpressions[0].values: Too many: 65: must have at most 64 items`,
    ],
    [
      `${rule}.matchExpressions[*].values[*] type`,
      spec({ matchExpressions: [{ key: 'app', operator: 'In', values: [3] }] }),
      `${field}.matchExpressions[0].values[0]: Invalid value: "integer": ${field}.matchExpressions[0].values[0] in body must be of type string: "integer"`,
    ],
    [
      `${rule}.matchExpressions[*].values[*] maxLength`,
      spec({ matchExpressions: [{ key: 'app', operator: 'In', values: ['a'.repeat(64)] }] }),
      `${field}.matchExpressions[0].values[0]: Too long: may not be more than 63 bytes`,
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
      `${rule} type`,
      spec('text'),
      `${field}: Invalid value: "string": ${field} in body must be of type array: "string"`,
    ],
    [
      `${rule} minItems`,
      spec([]),
      `${field}: Invalid value: 0: ${field} in body should have at least 1 items`,
    ],
    [
      `${rule} maxItems`,
      spec(Array.from({ length: 65 }, () => ({}))),
      `${field}: Too many: 65: must have at most 64 items`,
    ],
    [
      `${rule}[*] type`,
      spec(['text']),
      `${field}[0]: Invalid value: "string": ${field}[0] in body must be of type object: "string"`,
    ],
    [
      `${rule}[*] rule 0`,
      spec([{}]),
      `${field}[0]: Invalid value: "object": must have either ipBlock, or podSelector and namespaceSelector or one of them`,
    ],
    [
      `${rule}[*].ipBlock type`,
      spec([{ ipBlock: 'text' }]),
      `${field}[0].ipBlock: Invalid value: "string": ${field}[0].ipBlock in body must be of type object: "string"`,
    ],
    [
      `${rule}[*].ipBlock required cidr`,
      spec([{ ipBlock: {} }]),
      `${field}[0].ipBlock.cidr: Required value`,
    ],
    [
      `${rule}[*].ipBlock.cidr type`,
      spec([{ ipBlock: { cidr: 3 } }]),
      `${field}[0].ipBlock.cidr: Invalid value: "integer": ${field}[0].ipBlock.cidr in body must be of type string: "integer"`,
    ],
    [
      `${rule}[*].ipBlock.cidr maxLength`,
      spec([{ ipBlock: { cidr: 'a'.repeat(44) } }]),
      `${field}[0].ipBlock.cidr: Too long: may not be more than 43 bytes`,
    ],
    [
      `${rule}[*].ipBlock.cidr rule 0`,
      spec([{ ipBlock: { cidr: 'everywhere' } }]),
      `${field}[0].ipBlock.cidr: Invalid value: "string": must be a range of addresses, such as 192.0.2.0/24`,
    ],
    [
      `${rule}[*].ipBlock.except type`,
      spec([{ ipBlock: { cidr: '192.0.2.0/24', except: 'text' } }]),
      `${field}[0].ipBlock.except: Invalid value: "string": ${field}[0].ipBlock.except in body must be of type array: "string"`,
    ],
    [
      `${rule}[*].ipBlock.except maxItems`,
      spec([
        { ipBlock: { cidr: '192.0.2.0/24', except: Array.from({ length: 65 }, () => 'app') } },
      ]),
      `${field}[0].ipBlock.except: Too many: 65: must have at most 64 items`,
    ],
    [
      `${rule}[*].ipBlock.except[*] type`,
      spec([{ ipBlock: { cidr: '192.0.2.0/24', except: [3] } }]),
      `${field}[0].ipBlock.except[0]: Invalid value: "integer": ${field}[0].ipBlock.except[0] in body must be of type string: "integer"`,
    ],
    [
      `${rule}[*].ipBlock.except[*] maxLength`,
      spec([{ ipBlock: { cidr: '192.0.2.0/24', except: ['a'.repeat(44)] } }]),
      `${field}[0].ipBlock.except[0]: Too long: may not be more than 43 bytes`,
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
export const rows: Row[] = [
  [
    '$.spec.networkPolicy type',
    { spec: { networkPolicy: 'text' } },
    'spec.networkPolicy: Invalid value: "string": spec.networkPolicy in body must be of type object: "string"',
  ],
  [
    '$.spec.networkPolicy.enabled type',
    { spec: { networkPolicy: { enabled: 'text' } } },
    'spec.networkPolicy.enabled: Invalid value: "string": spec.networkPolicy.enabled in body must be of type boolean: "string"',
  ],
  ...peers('from'),
  ...peers('metricsFrom'),
];
