import type { Row } from './row.ts';

/** Bad values of one of the probes. */
function probe(check: 'startup' | 'liveness' | 'readiness'): Row[] {
  const rule = `$.spec.probes.${check}`;
  const field = `spec.probes.${check}`;
  const spec = (value: unknown): { spec: object } => ({ spec: { probes: { [check]: value } } });
  return [
    [
      `${rule} type`,
      spec('text'),
      `${field}: Invalid value: "string": ${field} in body must be of type object: "string"`,
    ],
    [
      `${rule}.period type`,
      spec({ period: 3 }),
      `${field}.period: Invalid value: "integer": ${field}.period in body must be of type string: "integer"`,
    ],
    [
      `${rule}.period maxLength`,
      spec({ period: 'a'.repeat(25) }),
      `${field}.period: Too long: may not be more than 24 bytes`,
    ],
    [
      `${rule}.period rule 0`,
      spec({ period: '1500ms' }),
      `${field}.period: Invalid value: "string": must be a duration in whole seconds, of at least 1s, such as 5s`,
    ],
    [
      `${rule}.timeout type`,
      spec({ timeout: 3 }),
      `${field}.timeout: Invalid value: "integer": ${field}.timeout in body must be of type string: "integer"`,
    ],
    [
      `${rule}.timeout maxLength`,
      spec({ timeout: 'a'.repeat(25) }),
      `${field}.timeout: Too long: may not be more than 24 bytes`,
    ],
    [
      `${rule}.timeout rule 0`,
      spec({ timeout: '1500ms' }),
      `${field}.timeout: Invalid value: "string": must be a duration in whole seconds, of at least 1s, such as 3s`,
    ],
    [
      `${rule}.failureThreshold type`,
      spec({ failureThreshold: 'text' }),
      `${field}.failureThreshold: Invalid value: "string": ${field}.failureThreshold in body must be of type integer: "string"`,
    ],
    [
      `${rule}.failureThreshold minimum`,
      spec({ failureThreshold: 0 }),
      `${field}.failureThreshold: Invalid value: 0: ${field}.failureThreshold in body should be greater than or equal to 1`,
    ],
    [
      `${rule}.failureThreshold maximum`,
      spec({ failureThreshold: 10001 }),
      `${field}.failureThreshold: Invalid value: 10001: ${field}.failureThreshold in body should be less than or equal to 10000`,
    ],
  ];
}

/** Bad values of spec.probes. */
export const rows: Row[] = [
  [
    '$.spec.probes type',
    { spec: { probes: 'text' } },
    'spec.probes: Invalid value: "string": spec.probes in body must be of type object: "string"',
  ],
  ...probe('startup'),
  ...probe('liveness'),
  ...probe('readiness'),
];
