import { manyEntries, type Row } from './row.ts';

/** Bad values of spec.service and spec.disruption. */
export const rows: Row[] = [
  [
    '$.spec.service type',
    { spec: { service: 'text' } },
    'spec.service: Invalid value: "string": spec.service in body must be of type object: "string"',
  ],
  [
    '$.spec.service.type type',
    { spec: { service: { type: 3 } } },
    'spec.service.type: Invalid value: "integer": spec.service.type in body must be of type string: "integer"',
    'spec.service.type: Unsupported value: 3: supported values: "ClusterIP", "NodePort", "LoadBalancer"',
  ],
  [
    '$.spec.service.type enum',
    { spec: { service: { type: 'Other' } } },
    'spec.service.type: Unsupported value: "Other": supported values: "ClusterIP", "NodePort", "LoadBalancer"',
  ],
  [
    '$.spec.service.port type',
    { spec: { service: { port: 'text' } } },
    'spec.service.port: Invalid value: "string": spec.service.port in body must be of type integer: "string"',
  ],
  [
    '$.spec.service.port minimum',
    { spec: { service: { port: 0 } } },
    'spec.service.port: Invalid value: 0: spec.service.port in body should be greater than or equal to 1',
  ],
  [
    '$.spec.service.port maximum',
    { spec: { service: { port: 65536 } } },
    'spec.service.port: Invalid value: 65536: spec.service.port in body should be less than or equal to 65535',
  ],
  [
    '$.spec.service.annotations type',
    { spec: { service: { annotations: 'text' } } },
    'spec.service.annotations: Invalid value: "string": spec.service.annotations in body must be of type object: "string"',
  ],
  [
    '$.spec.service.annotations maxProperties',
    { spec: { service: { annotations: manyEntries(65) } } },
    'spec.service.annotations: Too many: 65: must have at most 64 items',
  ],
  [
    '$.spec.service.annotations.* type',
    { spec: { service: { annotations: { app: 3 } } } },
    'spec.service.annotations.app: Invalid value: "integer": spec.service.annotations.app in body must be of type string: "integer"',
  ],
  [
    '$.spec.service.annotations.* maxLength',
    { spec: { service: { annotations: { app: 'a'.repeat(16385) } } } },
    'spec.service.annotations.app: Too long: may not be more than 16384 bytes',
  ],
  [
    '$.spec.disruption type',
    { spec: { disruption: 'text' } },
    'spec.disruption: Invalid value: "string": spec.disruption in body must be of type object: "string"',
  ],
  [
    '$.spec.disruption.maxUnavailable rule 0',
    { spec: { disruption: { maxUnavailable: '150%' } } },
    'spec.disruption.maxUnavailable: Invalid value: "": must be a number of pods, 0 to 1000, or a percentage, such as 25%',
  ],
];
