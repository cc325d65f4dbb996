import { expect, it } from '@jest/globals';
import { agentFixture } from '../../testing/fixtures.ts';
import { resolveAudit } from './audit.ts';

const AUDIT = {
  stdout: true,
  memoryEvents: 50,
  bufferBytes: 65_536,
  authenticationInterval: '10m',
  required: false,
};

it('the audit records nothing unless the spec asks for it', () => {
  expect(resolveAudit(agentFixture().spec)).toEqual({});
});

it('the audit names the tools whose arguments it records, and the trusted proxies', () => {
  const agent = agentFixture();
  agent.spec.auth = {
    type: 'None',
    failures: { perMinute: 60, maxAddresses: 10_000 },
    trustedProxies: ['10.0.0.0/8'],
  };
  agent.spec.audit = {
    ...AUDIT,
    file: { maxBytes: 100_000, maxFiles: 3 },
    webhook: {
      url: 'https://events.example.com',
      headersFrom: [{ name: 'Authorization', secretKeyRef: { name: 'events', key: 'token' } }],
      timeout: '5s',
      queueBytes: 100_000,
    },
    otlp: {
      url: 'http://collector:4318/v1/logs',
      timeout: '10s',
      queueBytes: 200_000,
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
      webhook: {
        url: 'https://events.example.com',
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
        queueBytes: 100_000,
      },
      otlp: {
        url: 'http://collector:4318/v1/logs',
        headersFrom: [],
        timeoutMs: 10_000,
        queueBytes: 200_000,
      },
      memoryEvents: 50,
      bufferBytes: 65_536,
      authenticationIntervalMs: 600_000,
      argumentsOf: ['find_order'],
      required: false,
    },
    trustedProxies: ['10.0.0.0/8'],
  });
});
