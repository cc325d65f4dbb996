import type { Row } from './row.ts';

const IN_FLIGHT = { target: 50, prometheus: { serverAddress: 'http://prometheus:9090' } };

const prometheus = (serverAddress: string): { spec: object } => ({
  spec: { autoscaling: { inFlight: { target: 50, prometheus: { serverAddress } } } },
});

/** Bad values of spec.autoscaling. */
export const rows: Row[] = [
  [
    '$.spec.autoscaling rule 0',
    { spec: { autoscaling: { minReplicas: 11 } } },
    'spec.autoscaling.minReplicas: Invalid value: "object": must not be more than maxReplicas; set both, as minReplicas is 3 by default and maxReplicas 10',
  ],
  [
    '$.spec.autoscaling rule 0',
    { spec: { autoscaling: { maxReplicas: 2 } } },
    'spec.autoscaling.minReplicas: Invalid value: "object": must not be more than maxReplicas; set both, as minReplicas is 3 by default and maxReplicas 10',
  ],
  [
    '$.spec.autoscaling rule 1',
    { spec: { autoscaling: { cpuPercent: 0, memoryPercent: 0 } } },
    'spec.autoscaling.cpuPercent: Invalid value: "object": must not be 0 while memoryPercent is 0 as well; set one of them',
  ],
  [
    '$.spec rule 6',
    { spec: { autoscaling: { inFlight: { ...IN_FLIGHT, target: 200 } } } },
    'spec.autoscaling.inFlight.target: Invalid value: "object": must be less than bulkhead.maxConcurrent and bulkhead.maxQueued together (100 each by default), or no pod is ever busy enough for another one',
  ],
  [
    '$.spec.autoscaling.inFlight required target',
    { spec: { autoscaling: { inFlight: { prometheus: IN_FLIGHT.prometheus } } } },
    'spec.autoscaling.inFlight.target: Required value',
  ],
  [
    '$.spec.autoscaling.inFlight required prometheus',
    { spec: { autoscaling: { inFlight: { target: 50 } } } },
    'spec.autoscaling.inFlight.prometheus: Required value',
  ],
  [
    '$.spec.autoscaling.inFlight.prometheus required serverAddress',
    { spec: { autoscaling: { inFlight: { target: 50, prometheus: {} } } } },
    'spec.autoscaling.inFlight.prometheus.serverAddress: Required value',
  ],
  [
    '$.spec.autoscaling.inFlight.prometheus.serverAddress rule 0',
    prometheus('http://admin:secret@prometheus:9090'),
    'spec.autoscaling.inFlight.prometheus.serverAddress: Invalid value: "string": must be a URL with http:// or https:// and without credentials, query or fragment, such as http://prometheus.monitoring:9090',
  ],
];
