import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by what they record. */
export const rows: Row[] = [
  [
    '$.spec.audit rule 0',
    { spec: { audit: { stdout: false, required: true } } },
    'spec.audit.required: Invalid value: "object": must be false when stdout is false, as events are kept nowhere then',
  ],
  [
    '$.spec.audit.authenticationInterval rule 0',
    { spec: { audit: { authenticationInterval: '60' } } },
    'spec.audit.authenticationInterval: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 1h or 0s',
  ],
  [
    '$.spec.audit.content[*] required tool',
    { spec: { audit: { content: [{}] } } },
    'spec.audit.content[0].tool: Required value',
  ],
  [
    '$.spec.audit.content[*].tool rule 0',
    { spec: { audit: { content: [{ tool: 'find order' }] } } },
    "spec.audit.content[0].tool: Invalid value: \"string\": must hold only letters, digits, '-' and '_', such as find_order or SERVER__TOOL",
  ],
  [
    '$.spec.audit.content unique',
    { spec: { audit: { content: [{ tool: 'look' }, { tool: 'look' }] } } },
    'spec.audit.content[1]: Duplicate value: {"tool":"look"}',
  ],
  [
    '$.spec.auth.trustedProxies[*] rule 0',
    { spec: { auth: { trustedProxies: ['10.0.0.1'] } } },
    'spec.auth.trustedProxies[0]: Invalid value: "string": must be a network in CIDR notation, such as 10.0.0.0/8',
  ],
  [
    '$.spec.auth.trustedProxies unique',
    { spec: { auth: { trustedProxies: ['10.0.0.0/8', '10.0.0.0/8'] } } },
    'spec.auth.trustedProxies[1]: Duplicate value: "10.0.0.0/8"',
  ],
];
