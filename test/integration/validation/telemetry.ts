import type { Row } from './row.ts';

/** Bad manifests of AgentDeployments, by what their pods tell. */
export const rows: Row[] = [
  [
    '$.spec.telemetry.logging.successRatio rule 0',
    { spec: { telemetry: { logging: { successRatio: '1.5' } } } },
    'spec.telemetry.logging.successRatio: Invalid value: "string": must be a number from 0 to 1, such as "0.01"',
  ],
  [
    '$.spec.telemetry.logging.levels rule 0',
    { spec: { telemetry: { logging: { levels: { models: 'Debug' } } } } },
    'spec.telemetry.logging.levels: Invalid value: "object": must name modules of the runtime: access, agent, configuration, credentials, file, guard, http, lifecycle, link, messages, model, runtime, state, tools, traces or audit',
  ],
];
