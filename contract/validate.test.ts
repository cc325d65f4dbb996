import { describe, expect, it } from '@jest/globals';
import type { Configuration, Hello } from './generated/types.ts';
import { parseCommand, parseConfiguration, parseHello, parseReport } from './validate.ts';

const SECRET = 'do-not-show-me';

const configuration = (): Configuration => ({
  revision: { term: 3, counter: 7 },
  hash: `sha256:${'0'.repeat(64)}`,
  content: {
    agent: { namespace: 'support', name: 'triage', uid: 'a-1' },
    endpoints: [
      {
        name: 'primary',
        provider: 'Anthropic',
        priority: 0,
        weight: 1,
        baseURL: 'https://model.example',
      },
    ],
    loadBalancing: 'LeastLoaded',
    affinity: { mode: 'Automatic' },
    maxRetryAfterMs: 5000,
    timeouts: { connectMs: 1000, requestMs: 60_000, streamMs: 3_600_000, toolMs: 30_000 },
    gates: { maxProviderWaitMs: 300_000 },
    retry: { maxAttempts: 1, baseDelayMs: 1, maxDelayMs: 1, budgetPercent: 0, minPerSecond: 1 },
    bulkhead: { maxConcurrent: 1, maxQueued: 0, acquireTimeoutMs: 1 },
    providerLimits: { maxPods: 1 },
    whenFull: 'Forward',
    requestLimits: {
      maxBodyBytes: 33_554_432,
      maxBodyBytesInFlight: 67_108_864,
      bodyIdleTimeoutMs: 10_000,
      minBodyBytesPerSecond: 1024,
      maxConnections: 2000,
      maxConnectionsPerAddress: 500,
    },
    egress: { allowHosts: [], denyPrivateNetworks: true },
    security: {
      incidents: {
        windowMs: 600_000,
        maxTracked: 1000,
        thresholds: {},
        raiseAt: 10,
        manySources: 10,
        spend: { factor: 5, hours: 24, minTokens: 100_000 },
      },
      responses: [],
    },
    telemetry: { logging: { successRatio: 0, levels: {} }, baggage: 'Drop', userId: 'Hashed' },
    shutdown: { endpointLagMs: 0, drainTimeoutMs: 0, handlerTimeoutMs: 2000 },
    circuits: [
      {
        dependency: 'model/primary',
        trip: { consecutiveFailures: 5 },
        openDurationMs: 1000,
        maxOpenDurationMs: 2000,
        halfOpen: { maxProbes: 1, successThreshold: 1, queueTimeoutMs: 0 },
        abandonedAfterMs: 60_000,
        failureOn: ['ServerError'],
        recovery: { rampUpMs: 0 },
        mode: 'Enforce',
        requires: [],
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
        maxKeys: 10_000,
        onLimit: 'Reject',
        maxWaitMs: 2000,
        mode: 'Enforce',
        requires: [],
      },
    ],
  },
});

const hello = (): Hello => ({
  type: 'Hello',
  contract: 1,
  features: [],
  runtimeVersion: '0.1.0',
  pod: { namespace: 'support', name: 'triage-1', uid: 'p-1' },
  boot: 'b',
  startedAt: '2026-01-01T00:00:00Z',
  token: SECRET,
  highestTerm: 0,
});

const snapshot = {
  type: 'Snapshot',
  configuration: { unsupported: [] },
  circuits: [{ dependency: 'model/primary', state: 'Open', since: '2026-01-01T00:00:00Z' }],
  limits: [],
  transitions: [],
  missingCredentials: [],
};

describe('parseConfiguration', () => {
  it('accepts a valid one and keeps unknown fields', () => {
    const value = { ...configuration(), later: { added: true } };
    expect(parseConfiguration(value)).toEqual({ ok: true, value });
  });

  it('accepts a resource and a provider of a newer version, which the runtime ignores', () => {
    const value = configuration();
    value.content.limits[0]!.resource = 'Tokens';
    value.content.endpoints[0]!.provider = 'Later';
    expect(parseConfiguration(value).ok).toBe(true);
  });

  it('accepts all that a policy can say', () => {
    const value = configuration();
    const rate = { percent: 50, windowMs: 60_000, minimumCalls: 10 };
    Object.assign(value.content, {
      retry: {
        maxAttempts: 3,
        baseDelayMs: 500,
        maxDelayMs: 8000,
        budgetPercent: 20,
        minPerSecond: 1,
      },
      gates: { maxProviderWaitMs: 300_000 },
      providerLimits: { maxPods: 1 },
      bulkhead: { maxConcurrent: 100, maxQueued: 0, acquireTimeoutMs: 5000 },
    });
    Object.assign(value.content.circuits[0]!, {
      trip: { failureRate: rate, slowCalls: { ...rate, slowerThanMs: 1 } },
      failureOn: ['RateLimited', 'OfALaterVersion'],
      recovery: { rampUpMs: 0 },
      mode: 'Shadow',
      override: { state: 'Closed', expiresAt: '2026-12-01T02:00:00Z' },
      resetToken: '1',
    });
    Object.assign(value.content.limits[0]!, {
      key: { header: 'x-user-id' },
      maxKeys: 10,
      onLimit: 'Queue',
      maxWaitMs: 1,
      mode: 'Enforce',
    });
    expect(parseConfiguration(value)).toEqual({ ok: true, value });
  });

  it.each<[string, (value: Configuration) => unknown, string]>([
    ['nothing', () => undefined, 'it must be object'],
    ['text', () => SECRET, 'it must be object'],
    ['no hash', ({ hash: _, ...rest }) => rest, "it must have required property 'hash'"],
    [
      'a wrong hash',
      (value) => ({ ...value, hash: SECRET }),
      '/hash must match pattern "^sha256:[0-9a-f]{64}$"',
    ],
    [
      'a wrong type',
      (value) => {
        Object.assign(value.content.timeouts, { requestMs: SECRET });
        return value;
      },
      '/content/timeouts/requestMs must be integer',
    ],
    [
      'a number out of bounds',
      (value) => {
        value.content.limits[0]!.refill.amount = 0;
        return value;
      },
      '/content/limits/0/refill/amount must be >= 1',
    ],
    [
      'no endpoints',
      (value) => {
        value.content.endpoints = [];
        return value;
      },
      '/content/endpoints must NOT have fewer than 1 items',
    ],
  ])('refuses %s and names the place and what is expected', (_name, change, message) => {
    expect(parseConfiguration(change(configuration()))).toEqual({
      ok: false,
      message,
      unknownType: false,
    });
  });
});

describe('messages', () => {
  it('accept each type of message', () => {
    expect(parseHello(hello())).toEqual({ ok: true, value: hello() });
    expect(parseReport(snapshot)).toEqual({ ok: true, value: snapshot });
    expect(parseReport({ type: 'Counters', limits: [], circuits: [] }).ok).toBe(true);
    const gates = [{ dependency: 'model/primary', gate: 'RateLimited', until: 't' }];
    expect(parseReport({ ...snapshot, gates }).ok).toBe(true);
    expect(parseReport({ type: 'Counters', limits: [], circuits: [], gates }).ok).toBe(true);
    const transition = { sequence: 1, time: 't', dependency: 'd', reason: 'r' };
    expect(
      parseReport({
        type: 'Transition',
        transition: { ...transition, from: 'Closed', to: 'Open' },
        circuit: snapshot.circuits[0],
      }).ok,
    ).toBe(true);
    expect(parseCommand({ type: 'Announce', term: 4 }).ok).toBe(true);
    const configure = { type: 'Configure', term: 4, configuration: configuration() };
    expect(parseCommand(configure)).toEqual({ ok: true, value: configure });
  });

  it('distinguish a message of a newer peer from a malformed one', () => {
    expect(parseReport({ type: 'Later' })).toMatchObject({ ok: false, unknownType: true });
    expect(parseCommand({ type: 'Later' })).toMatchObject({ ok: false, unknownType: true });
    expect(parseCommand({ type: 'toString' })).toMatchObject({ ok: false, unknownType: true });
    for (const value of [null, 3, [], {}, { type: 3 }]) {
      expect(parseReport(value)).toEqual({
        ok: false,
        message: 'a message must be an object with a string "type"',
        unknownType: false,
      });
    }
  });

  it('are refused with the values that an enumeration allows', () => {
    const circuits = [{ ...snapshot.circuits[0], state: SECRET }];
    expect(parseReport({ ...snapshot, circuits })).toEqual({
      ok: false,
      message:
        '/circuits/0/state must be equal to one of the allowed values: Closed, HalfOpen, Open',
      unknownType: false,
    });
  });

  it('are checked including the configuration in a Configure', () => {
    const value = { ...configuration(), hash: SECRET };
    const parsed = parseCommand({ type: 'Configure', term: 1, configuration: value });
    expect(parsed).toMatchObject({ ok: false, unknownType: false });
    expect(JSON.stringify(parsed)).toContain('/configuration/hash must match pattern');
  });

  it('are refused without repeating a value', () => {
    const values: unknown[] = [
      { ...hello(), pod: SECRET },
      { ...hello(), boot: [SECRET] },
      { ...hello(), highestTerm: SECRET },
      { type: SECRET },
    ];
    for (const value of values) {
      const parsed = parseHello(value);
      expect(parsed.ok).toBe(false);
      expect(JSON.stringify(parsed)).not.toContain(SECRET);
    }
  });
});
