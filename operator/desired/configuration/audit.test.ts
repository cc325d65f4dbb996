import { expect, it } from '@jest/globals';
import { agentFixture } from '../../testing/fixtures.ts';
import { resolveAudit } from './audit.ts';

it('the audit records nothing unless the spec asks for it', () => {
  expect(resolveAudit(agentFixture().spec)).toEqual({});
});

it('the audit names the tools whose arguments it records, and the trusted proxies', () => {
  const agent = agentFixture();
  agent.spec.auth = {
    type: 'None',
    trustedProxies: ['10.0.0.0/8'],
  };
  agent.spec.audit = {
    stdout: true,
    required: false,
    file: { maxBytes: 100_000, maxFiles: 3 },
    otlp: {
      url: 'http://collector:4318/v1/logs',
      headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'events', key: 'token' } }],
      timeout: '5s',
    },
    content: [
      { tool: 'find_order', include: 'Arguments' },
      { tool: 'stock__count', include: 'None' },
    ],
  };
  expect(resolveAudit(agent.spec)).toEqual({
    audit: {
      stdout: true,
      file: { directory: '/var/log/breakwater/audit', maxBytes: 100_000, maxFiles: 3 },
      otlp: {
        url: 'http://collector:4318/v1/logs',
        headersFrom: [
          {
            name: 'Authorization',
            credential: {
              path: '/var/run/secrets/breakwater.dev/headers/events/token',
              secret: 'events',
              key: 'token',
            },
          },
        ],
        timeoutMs: 5000,
        queueBytes: 67_108_864,
      },
      memoryEvents: 1000,
      bufferBytes: 1_048_576,
      authenticationIntervalMs: 3_600_000,
      argumentsOf: ['find_order'],
      required: false,
    },
    trustedProxies: ['10.0.0.0/8'],
  });
});
