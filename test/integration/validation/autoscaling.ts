import type { Row } from './row.ts';

/** Bad values of a direction of spec.autoscaling.behavior. */
function behavior(direction: 'scaleUp' | 'scaleDown'): Row[] {
  const rule = `$.spec.autoscaling.behavior.${direction}`;
  const field = `spec.autoscaling.behavior.${direction}`;
  const spec = (value: unknown): { spec: object } => ({
    spec: { autoscaling: { behavior: { [direction]: value } } },
  });
  return [
    [
      `${rule} type`,
      spec('text'),
      `${field}: Invalid value: "string": ${field} in body must be of type object: "string"`,
    ],
    [
      `${rule}.stabilizationWindowSeconds type`,
      spec({ stabilizationWindowSeconds: 'text' }),
      `${field}.stabilizationWindowSeconds: Invalid value: "string": ${field}.stabilizationWindowSeconds in body must be of type integer: "string"`,
    ],
    [
      `${rule}.stabilizationWindowSeconds minimum`,
      spec({ stabilizationWindowSeconds: -1 }),
      `${field}.stabilizationWindowSeconds: Invalid value: -1: ${field}.stabilizationWindowSeconds in body should be greater than or equal to 0`,
    ],
    [
      `${rule}.stabilizationWindowSeconds maximum`,
      spec({ stabilizationWindowSeconds: 3601 }),
      `${field}.stabilizationWindowSeconds: Invalid value: 3601: ${field}.stabilizationWindowSeconds in body should be less than or equal to 3600`,
    ],
    [
      `${rule}.selectPolicy type`,
      spec({ selectPolicy: 3 }),
      `${field}.selectPolicy: Invalid value: "integer": ${field}.selectPolicy in body must be of type string: "integer"`,
      `${field}.selectPolicy: Unsupported value: 3: supported values: "Max", "Min", "Disabled"`,
    ],
    [
      `${rule}.selectPolicy enum`,
      spec({ selectPolicy: 'Other' }),
      `${field}.selectPolicy: Unsupported value: "Other": supported values: "Max", "Min", "Disabled"`,
    ],
    [
      `${rule}.policies type`,
      spec({ policies: 'text' }),
      `${field}.policies: Invalid value: "string": ${field}.policies in body must be of type array: "string"`,
    ],
    [
      `${rule}.policies maxItems`,
      spec({
        policies: Array.from({ length: 17 }, () => ({ type: 'Pods', value: 1, periodSeconds: 1 })),
      }),
      `${field}.policies: Too many: 17: must have at most 16 items`,
    ],
    [
      `${rule}.policies[*] type`,
      spec({ policies: ['text'] }),
      `${field}.policies[0]: Invalid value: "string": ${field}.policies[0] in body must be of type object: "string"`,
    ],
    [
      `${rule}.policies[*] required type`,
      spec({ policies: [{ value: 1, periodSeconds: 1 }] }),
      `${field}.policies[0].type: Required value`,
    ],
    [
      `${rule}.policies[*] required value`,
      spec({ policies: [{ type: 'Pods', periodSeconds: 1 }] }),
      `${field}.policies[0].value: Required value`,
    ],
    [
      `${rule}.policies[*] required periodSeconds`,
      spec({ policies: [{ type: 'Pods', value: 1 }] }),
      `${field}.policies[0].periodSeconds: Required value`,
    ],
    [
      `${rule}.policies[*].type type`,
      spec({ policies: [{ type: 3, value: 1, periodSeconds: 1 }] }),
      `${field}.policies[0].type: Invalid value: "integer": ${field}.policies[0].type in body must be of type string: "integer"`,
      `${field}.policies[0].type: Unsupported value: 3: supported values: "Pods", "Percent"`,
    ],
    [
      `${rule}.policies[*].type enum`,
      spec({ policies: [{ type: 'Other', value: 1, periodSeconds: 1 }] }),
      `${field}.policies[0].type: Unsupported value: "Other": supported values: "Pods", "Percent"`,
    ],
    [
      `${rule}.policies[*].value type`,
      spec({ policies: [{ type: 'Pods', value: 'text', periodSeconds: 1 }] }),
      `${field}.policies[0].value: Invalid value: "string": ${field}.policies[0].value in body must be of type integer: "string"`,
    ],
    [
      `${rule}.policies[*].value minimum`,
      spec({ policies: [{ type: 'Pods', value: 0, periodSeconds: 1 }] }),
      `${field}.policies[0].value: Invalid value: 0: ${field}.policies[0].value in body should be greater than or equal to 1`,
    ],
    [
      `${rule}.policies[*].value maximum`,
      spec({ policies: [{ type: 'Pods', value: 100001, periodSeconds: 1 }] }),
      `${field}.policies[0].value: Invalid value: 100001: ${field}.policies[0].value in body should be less than or equal to 100000`,
    ],
    [
      `${rule}.policies[*].periodSeconds type`,
      spec({ policies: [{ type: 'Pods', value: 1, periodSeconds: 'text' }] }),
      `${field}.policies[0].periodSeconds: Invalid value: "string": ${field}.policies[0].periodSeconds in body must be of type integer: "string"`,
    ],
    [
      `${rule}.policies[*].periodSeconds minimum`,
      spec({ policies: [{ type: 'Pods', value: 1, periodSeconds: 0 }] }),
      `${field}.policies[0].periodSeconds: Invalid value: 0: ${field}.policies[0].periodSeconds in body should be greater than or equal to 1`,
    ],
    [
      `${rule}.policies[*].periodSeconds maximum`,
      spec({ policies: [{ type: 'Pods', value: 1, periodSeconds: 1801 }] }),
      `${field}.policies[0].periodSeconds: Invalid value: 1801: ${field}.policies[0].periodSeconds in body should be less than or equal to 1800`,
    ],
  ];
}

/** Bad values of spec.autoscaling. */
export const rows: Row[] = [
  [
    '$.spec.autoscaling type',
    { spec: { autoscaling: 'text' } },
    'spec.autoscaling: Invalid value: "string": spec.autoscaling in body must be of type object: "string"',
  ],
  [
    '$.spec.autoscaling rule 0',
    { spec: { autoscaling: { minReplicas: 11 } } },
    'spec.autoscaling.minReplicas: Invalid value: "object": must not be more than maxReplicas (default 10); set maxReplicas as well',
  ],
  [
    '$.spec.autoscaling rule 1',
    { spec: { autoscaling: { cpuPercent: 0, memoryPercent: 0 } } },
    'spec.autoscaling.cpuPercent: Invalid value: "object": must not be 0 while memoryPercent is 0 as well; set one of them',
  ],
  [
    '$.spec.autoscaling.minReplicas type',
    { spec: { autoscaling: { minReplicas: 'text' } } },
    'spec.autoscaling.minReplicas: Invalid value: "string": spec.autoscaling.minReplicas in body must be of type integer: "string"',
  ],
  [
    '$.spec.autoscaling.minReplicas minimum',
    { spec: { autoscaling: { minReplicas: 0 } } },
    'spec.autoscaling.minReplicas: Invalid value: 0: spec.autoscaling.minReplicas in body should be greater than or equal to 1',
  ],
  [
    '$.spec.autoscaling.minReplicas maximum',
    { spec: { autoscaling: { minReplicas: 1001 } } },
    'spec.autoscaling.minReplicas: Invalid value: 1001: spec.autoscaling.minReplicas in body should be less than or equal to 1000',
    'spec.autoscaling.minReplicas: Invalid value: "object": must not be more than maxReplicas (default 10); set maxReplicas as well',
  ],
  [
    '$.spec.autoscaling.maxReplicas type',
    { spec: { autoscaling: { maxReplicas: 'text' } } },
    'spec.autoscaling.maxReplicas: Invalid value: "string": spec.autoscaling.maxReplicas in body must be of type integer: "string"',
  ],
  [
    '$.spec.autoscaling.maxReplicas minimum',
    { spec: { autoscaling: { maxReplicas: 0 } } },
    'spec.autoscaling.maxReplicas: Invalid value: 0: spec.autoscaling.maxReplicas in body should be greater than or equal to 1',
    'spec.autoscaling.minReplicas: Invalid value: "object": must not be more than maxReplicas (default 10); set maxReplicas as well',
  ],
  [
    '$.spec.autoscaling.maxReplicas maximum',
    { spec: { autoscaling: { maxReplicas: 1001 } } },
    'spec.autoscaling.maxReplicas: Invalid value: 1001: spec.autoscaling.maxReplicas in body should be less than or equal to 1000',
  ],
  [
    '$.spec.autoscaling.cpuPercent type',
    { spec: { autoscaling: { cpuPercent: 'text' } } },
    'spec.autoscaling.cpuPercent: Invalid value: "string": spec.autoscaling.cpuPercent in body must be of type integer: "string"',
  ],
  [
    '$.spec.autoscaling.cpuPercent minimum',
    { spec: { autoscaling: { cpuPercent: -1 } } },
    'spec.autoscaling.cpuPercent: Invalid value: -1: spec.autoscaling.cpuPercent in body should be greater than or equal to 0',
  ],
  [
    '$.spec.autoscaling.cpuPercent maximum',
    { spec: { autoscaling: { cpuPercent: 1001 } } },
    'spec.autoscaling.cpuPercent: Invalid value: 1001: spec.autoscaling.cpuPercent in body should be less than or equal to 1000',
  ],
  [
    '$.spec.autoscaling.memoryPercent type',
    { spec: { autoscaling: { memoryPercent: 'text' } } },
    'spec.autoscaling.memoryPercent: Invalid value: "string": spec.autoscaling.memoryPercent in body must be of type integer: "string"',
  ],
  [
    '$.spec.autoscaling.memoryPercent minimum',
    { spec: { autoscaling: { memoryPercent: -1 } } },
    'spec.autoscaling.memoryPercent: Invalid value: -1: spec.autoscaling.memoryPercent in body should be greater than or equal to 0',
  ],
  [
    '$.spec.autoscaling.memoryPercent maximum',
    { spec: { autoscaling: { memoryPercent: 1001 } } },
    'spec.autoscaling.memoryPercent: Invalid value: 1001: spec.autoscaling.memoryPercent in body should be less than or equal to 1000',
  ],
  [
    '$.spec.autoscaling.behavior type',
    { spec: { autoscaling: { behavior: 'text' } } },
    'spec.autoscaling.behavior: Invalid value: "string": spec.autoscaling.behavior in body must be of type object: "string"',
  ],
  ...behavior('scaleUp'),
  ...behavior('scaleDown'),
];
