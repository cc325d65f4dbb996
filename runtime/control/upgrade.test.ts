import { describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../contract/validate.ts';
import { upgradeConfiguration } from './upgrade.ts';

const ENVELOPE = { revision: { term: 1, counter: 1 }, hash: `sha256:${'0'.repeat(64)}` };

/** As the first operator wrote it, with one of everything. */
const content = {
  agent: { namespace: 'support', name: 'triage', uid: 'a-1' },
  endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: 'https://model.example' }],
  timeouts: { connectMs: 1000, requestMs: 60_000 },
  shutdown: { endpointLagMs: 0, drainTimeoutMs: 0 },
  retry: { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 8000, budgetPercent: 20 },
  auth: { type: 'JWT', jwt: { issuer: 'i', audiences: ['a'], jwksURL: 'https://keys.example' } },
  circuits: [
    {
      dependency: 'model/primary',
      trip: { consecutiveFailures: 5 },
      openDurationMs: 1000,
      maxOpenDurationMs: 2000,
      halfOpen: { maxProbes: 1, successThreshold: 1 },
    },
  ],
  limits: [
    {
      target: 'inbound',
      policy: 'calm',
      name: 'requests',
      resource: 'Requests',
      refill: { amount: 1, perMs: 1000 },
      capacity: 1,
      fleet: { withoutLeader: 'Deny', maxPods: 3 },
    },
  ],
};

describe('upgradeConfiguration', () => {
  it('adds what an earlier operator omits, with the meaning that it had there', () => {
    const upgraded = upgradeConfiguration({ ...ENVELOPE, content });
    expect(parseConfiguration(upgraded).ok).toBe(true);
    expect(upgraded).toEqual({
      ...ENVELOPE,
      content: {
        ...content,
        loadBalancing: 'LeastLoaded',
        affinity: { mode: 'Disabled' },
        maxRetryAfterMs: 5000,
        whenFull: 'Reject',
        retry: { ...content.retry, minPerSecond: 1 },
        bulkhead: { maxConcurrent: 1_000_000, maxQueued: 100, acquireTimeoutMs: 5000 },
        gates: { maxProviderWaitMs: 300_000 },
        providerLimits: { maxPods: 1 },
        requestLimits: {
          maxBodyBytes: 33_554_432,
          maxBodyBytesInFlight: 67_108_864,
          bodyIdleTimeoutMs: 10_000,
          minBodyBytesPerSecond: 1024,
          maxConnections: 1_000_000,
          maxConnectionsPerAddress: 1_000_000,
        },
        egress: { allowHosts: [], denyPrivateNetworks: true },
        security: {
          incidents: {
            windowMs: 600_000,
            maxTracked: 1000,
            thresholds: { ToolMisuse: 5, LimitAbuse: 100, MalformedInput: 10 },
            raiseAt: 10,
            manySources: 10,
            spend: { factor: 5, hours: 24, minTokens: 100_000 },
          },
          responses: [],
        },
        telemetry: {
          logging: { successRatio: 0, levels: {} },
          baggage: 'Drop',
          userId: 'Hashed',
        },
        timeouts: { ...content.timeouts, streamMs: 3_600_000, toolMs: 30_000 },
        shutdown: { ...content.shutdown, handlerTimeoutMs: 2000 },
        endpoints: [{ ...content.endpoints[0], priority: 0, weight: 1, requires: [] }],
        auth: {
          type: 'JWT',
          jwt: {
            ...content.auth.jwt,
            keys: { timeoutMs: 5000, refreshMs: 300_000, maxAgeMs: 86_400_000, cooldownMs: 10_000 },
          },
        },
        circuits: [
          {
            ...content.circuits[0],
            halfOpen: { ...content.circuits[0]!.halfOpen, queueTimeoutMs: 0 },
            abandonedAfterMs: 3_155_760_000_000,
            failureOn: ['ServerError', 'Overloaded', 'Timeout', 'Connection', 'InvalidResponse'],
            recovery: { rampUpMs: 0 },
            mode: 'Enforce',
            requires: [],
          },
        ],
        limits: [
          {
            ...content.limits[0],
            fleet: { store: 'Leader', storeTimeoutMs: 250, withoutLeader: 'Deny', maxPods: 3 },
            maxKeys: 10_000,
            onLimit: 'Reject',
            maxWaitMs: 2000,
            mode: 'Enforce',
            requires: [],
          },
        ],
      },
    });
  });

  it('changes nothing in a complete configuration', () => {
    const upgraded = upgradeConfiguration({ ...ENVELOPE, content });
    expect(upgradeConfiguration(upgraded)).toEqual(upgraded);
  });

  it.each([
    undefined,
    null,
    'text',
    [],
    {},
    { content: null },
    { content: { circuits: 1, limits: [null] } },
  ])('leaves %j unchanged, which the contract refuses', (value) => {
    expect(parseConfiguration(upgradeConfiguration(value)).ok).toBe(false);
  });
});
