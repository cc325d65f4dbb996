import type { Row } from './row.ts';

/** Bad values of spec.service and spec.disruption. */
export const rows: Row[] = [
  [
    '$.spec.disruption.maxUnavailable rule 0',
    { spec: { disruption: { maxUnavailable: '150%' } } },
    'spec.disruption.maxUnavailable: Invalid value: "": must be a number of pods, 0 to 1000, or a percentage, such as 25%',
  ],
];
