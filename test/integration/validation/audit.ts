import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by what they record. */
export const rows: Row[] = [
  [
    '$.spec.audit rule 0',
    { spec: { audit: { stdout: false, required: true } } },
    'spec.audit.required: Invalid value: "object": must be false where events are kept nowhere, without stdout and file',
  ],
  [
    '$.spec.audit.authenticationInterval rule 0',
    { spec: { audit: { authenticationInterval: '60' } } },
    'spec.audit.authenticationInterval: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 1h or 0s',
  ],
  [
    '$.spec.audit.file.persistentVolumeClaim required claimName',
    { spec: { audit: { file: { persistentVolumeClaim: {} } } } },
    'spec.audit.file.persistentVolumeClaim.claimName: Required value',
  ],
  [
    '$.spec.audit.file.persistentVolumeClaim.claimName rule 0',
    { spec: { audit: { file: { persistentVolumeClaim: { claimName: 'My claim' } } } } },
    "spec.audit.file.persistentVolumeClaim.claimName: Invalid value: \"string\": must be the name of a PersistentVolumeClaim, which holds only lower-case letters, digits, '-' and '.', such as audit",
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
