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
  ];
}

/** Bad values of spec.autoscaling. */
export const rows: Row[] = [
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
  ...behavior('scaleUp'),
  ...behavior('scaleDown'),
];
