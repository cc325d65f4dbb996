import type { Row } from './row.ts';

/** Bad values of one of the probes. */
function probe(check: 'startup' | 'liveness' | 'readiness'): Row[] {
  const rule = `$.spec.probes.${check}`;
  const field = `spec.probes.${check}`;
  const spec = (value: unknown): { spec: object } => ({ spec: { probes: { [check]: value } } });
  return [
    [
      `${rule}.period rule 0`,
      spec({ period: '1500ms' }),
      `${field}.period: Invalid value: "string": must be a duration in whole seconds, of at least 1s, such as 5s`,
    ],
    [
      `${rule}.timeout rule 0`,
      spec({ timeout: '1500ms' }),
      `${field}.timeout: Invalid value: "string": must be a duration in whole seconds, of at least 1s, such as 3s`,
    ],
  ];
}

/** Bad values of spec.probes. */
export const rows: Row[] = [...probe('startup'), ...probe('liveness'), ...probe('readiness')];
