import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Ajv, type AnySchema } from 'ajv';
import { REQUEST_LIMITS } from '../../../crds/deprecated.ts';
import type {
  AgentDeployment,
  AgentDeploymentSpec,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../../crds/generated/types.ts';
import { canonicalJson } from '../../../contract/canonical.ts';
import { hashContent, resolveContent } from './content.ts';
import { podChoices } from '../objects/podChoices.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  endpoint,
  limitFixture,
  modelOf,
} from '../../testing/fixtures.ts';

const none = {
  circuits: new Map<string, CircuitBreakerPolicy>(),
  limits: new Map<string, RateLimitPolicy>(),
};
const schema = JSON.parse(
  readFileSync(new URL('../../../contract/configuration.schema.json', import.meta.url), 'utf8'),
) as AnySchema;
const validate = new Ajv({ strict: false }).compile(schema);

describe('resolveContent', () => {
  it('fills in defaults', () => {
    expect(resolveContent(agentFixture(), none)).toEqual({
      agent: { namespace: 'support', name: 'triage', uid: 'uid-triage' },
      endpoints: [
        {
          name: 'primary',
          provider: 'Anthropic',
          model: 'claude-sonnet-4-5',
          baseURL: 'https://api.anthropic.com',
          credential: {
            path: '/var/run/secrets/breakwater.dev/credentials/primary/api-key',
            secret: 'anthropic',
            key: 'api-key',
          },
          priority: 0,
          weight: 1,
          requires: ['Endpoint.Anthropic'],
        },
      ],
      loadBalancing: 'LeastLoaded',
      affinity: { mode: 'Automatic' },
      timeouts: {
        connectMs: 10_000,
        requestMs: 300_000,
        firstTokenMs: 60_000,
        streamMs: 3_600_000,
        streamIdleMs: 120_000,
        transportIdleMs: 45_000,
        toolMs: 30_000,
      },
      retry: {
        maxAttempts: 3,
        baseDelayMs: 500,
        maxDelayMs: 8000,
        budgetPercent: 20,
        minPerSecond: 1,
      },
      maxRetryAfterMs: 5000,
      gates: { maxProviderWaitMs: 300_000 },
      providerLimits: { maxPods: 7 },
      requestLimits: {
        maxBodyBytes: 33_554_432,
        maxBodyBytesInFlight: 67_108_864,
        bodyIdleTimeoutMs: 10_000,
        minBodyBytesPerSecond: 1024,
        maxConnections: 2000,
        maxConnectionsPerAddress: 500,
      },
      bulkhead: { maxConcurrent: 100, maxQueued: 100, acquireTimeoutMs: 5000 },
      whenFull: 'Forward',
      conversation: {
        maxMessages: 100,
        maxTurns: 16,
        maxTokens: 4096,
        idleTimeoutMs: 3_600_000,
        runTimeoutMs: 900_000,
        peers: 'triage-headless.support.svc',
        store: 'Memory',
      },
      egress: { allowHosts: [], denyPrivateNetworks: true },
      security: {
        incidents: {
          windowMs: 600_000,
          maxTracked: 1000,
          thresholds: { ToolMisuse: 5, RateLimitAbuse: 100, MalformedInput: 10 },
          escalations: [
            { type: 'BruteForceAttack', count: 5, withinMs: 60_000, level: 'Critical' },
          ],
          raiseAt: 10,
          manySources: 10,
          spend: { factor: 5, hours: 24, minTokens: 100_000 },
        },
        responses: [],
        promptInjection: {
          mode: 'Report',
          sources: [
            { source: 'ToolResults', threshold: 60 },
            { source: 'McpResults', threshold: 60 },
            { source: 'UserInput', threshold: 60, mode: 'Report' },
          ],
          ruleSets: ['Default'],
          exempt: [],
          blockedResults: 'Replace',
        },
        runGuard: { mode: 'Report', repeats: 3, exempt: [], messages: false },
      },
      telemetry: {
        logging: { successRatio: 0, levels: {} },
        baggage: 'Drop',
        userId: 'Hashed',
      },
      shutdown: { endpointLagMs: 5000, drainTimeoutMs: 300_000, handlerTimeoutMs: 30_000 },
      circuits: [
        {
          dependency: 'model/primary',
          trip: { consecutiveFailures: 5 },
          openDurationMs: 20_000,
          maxOpenDurationMs: 20_000,
          halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 },
          abandonedAfterMs: 60_000,
          failureOn: ['Connection', 'InvalidResponse', 'Overloaded', 'ServerError', 'Timeout'],
          recovery: { rampUpMs: 0 },
          mode: 'Enforce',
          requires: ['Circuit.ConsecutiveFailures'],
        },
      ],
      limits: [],
    });
  });

  it('states how many pods share a provider’s key', () => {
    const most = (parts: { replicas: number }): number =>
      resolveContent(agentFixture('triage', parts), none).providerLimits.maxPods;
    expect([most({ replicas: 1 }), most({ replicas: 0 }), most({ replicas: 4 })]).toEqual([
      1, 1, 9,
    ]);
  });

  it('traces as the spec says, or else as the operator does', () => {
    const defaults = { endpoint: 'http://collector:4318', ratio: 0.1, parentBased: false };
    const traced = (tracing?: AgentDeployment['spec']['telemetry']['tracing']): unknown => {
      const agent = agentFixture();
      agent.spec.telemetry = { ...agent.spec.telemetry, ...(tracing && { tracing }) };
      return [undefined, defaults].map(
        (operator) => resolveContent(agent, none, operator).telemetry.tracing,
      );
    };
    const usual = { headersFrom: [], content: 'None' };
    expect(traced()).toEqual([undefined, { ...usual, ...defaults }]);
    expect(traced({ sampling: { ratio: '0' } })).toEqual([
      undefined,
      { ...usual, ...defaults, ratio: 0 },
    ]);
    const endpoint = 'https://traces.example.com';
    const credential = {
      path: '/var/run/secrets/breakwater.dev/headers/tracing/key',
      secret: 'tracing',
      key: 'key',
    };
    expect(
      traced({
        endpoint,
        headersFrom: [{ name: 'x-key', secretKeyRef: { name: 'tracing', key: 'key' } }],
        content: 'Full',
      }),
    ).toEqual(
      [
        { ratio: 1, parentBased: true },
        { ratio: 0.1, parentBased: false },
      ].map((sampling) => ({
        ...{ endpoint, headersFrom: [{ name: 'x-key', credential }], content: 'Full' },
        ...sampling,
      })),
    );
  });

  it('hides clients and their baggage from providers unless the spec says otherwise, with and without tracing', () => {
    const told = (tracing: AgentDeployment['spec']['telemetry']['tracing']): unknown => {
      const agent = agentFixture();
      agent.spec.telemetry = { ...agent.spec.telemetry, tracing };
      const { baggage, userId } = resolveContent(agent, none).telemetry;
      return { baggage, userId };
    };
    expect(told({ endpoint: 'http://collector:4318' })).toEqual({
      ...{ baggage: 'Drop', userId: 'Hashed' },
    });
    const open = { baggage: 'Forward', userId: 'Plain' } as const;
    expect(told(open)).toEqual(open);
  });

  it('takes circuits and limits from the policies in force', () => {
    const content = resolveContent(agentFixture(), {
      circuits: new Map([['model/primary', breakerFixture('strict')]]),
      limits: new Map([
        ['model/primary', limitFixture('called')],
        ['inbound', limitFixture('taken')],
      ]),
    });
    expect(content.circuits).toEqual([
      {
        dependency: 'model/primary',
        policy: 'strict',
        trip: { consecutiveFailures: 3 },
        openDurationMs: 30_000,
        maxOpenDurationMs: 300_000,
        halfOpen: { maxProbes: 1, successThreshold: 2, queueTimeoutMs: 10_000 },
        abandonedAfterMs: 60_000,
        failureOn: ['Connection', 'InvalidResponse', 'Overloaded', 'ServerError', 'Timeout'],
        recovery: { rampUpMs: 0 },
        mode: 'Enforce',
        requires: ['Circuit.ConsecutiveFailures'],
      },
    ]);
    expect(content.limits.map(({ target, policy }) => [target, policy])).toEqual([
      ['inbound', 'taken'],
      ['model/primary', 'called'],
    ]);
    expect(content.limits[0]).toMatchObject({
      name: 'requests',
      refill: { amount: 10, perMs: 1000 },
      capacity: 100,
      requires: ['Limit.Requests'],
    });
  });

  it('states how each endpoint gets its key, and the header values that it needs', () => {
    const headersFrom = [
      { name: 'X-Team', prefix: 'Team ', secretKeyRef: { name: 'gateway', key: 'team' } },
    ];
    const apiKeySecretRef = { name: 'gateway', key: 'api-key' };
    const agent = agentFixture('triage', {
      model: modelOf(
        endpoint('primary', { apiKeySecretRef, credentialScheme: 'Bearer', headersFrom }),
      ),
      routes: ['/v1/files'],
    });
    const { endpoints, routes } = resolveContent(agent, none);
    const path = '/var/run/secrets/breakwater.dev/headers/gateway/team';
    expect(endpoints).toMatchObject([
      {
        credential: { secret: 'gateway', key: 'api-key' },
        credentialScheme: 'Bearer',
        headersFrom: [
          { name: 'X-Team', prefix: 'Team ', credential: { path, secret: 'gateway', key: 'team' } },
        ],
        requires: ['Endpoint.Anthropic', 'Endpoint.Bearer', 'Endpoint.HeadersFrom'],
      },
    ]);
    expect(routes).toEqual(['/v1/files']);
    expect(podChoices(agent).secrets).toEqual([{ name: 'gateway', key: 'team' }]);
  });

  it('has neither model nor credential if clients bring them', () => {
    const agent = agentFixture('triage', {
      model: modelOf(endpoint('primary', { baseURL: 'http://model:8000' })),
    });
    expect(resolveContent(agent, none).endpoints).toEqual([
      {
        name: 'primary',
        provider: 'Anthropic',
        baseURL: 'http://model:8000',
        priority: 0,
        weight: 1,
        requires: ['Endpoint.Anthropic'],
      },
    ]);
  });

  it('lists endpoints by priority, and those of equal priority in the order of the spec', () => {
    const agent = agentFixture('triage', {
      model: modelOf(
        endpoint('last', { priority: 10, maxTokens: 4096 }),
        endpoint('b', { weight: 3 }),
        endpoint('a'),
      ),
    });
    const { endpoints } = resolveContent(agent, none);
    expect(endpoints).toMatchObject([
      { name: 'b', priority: 0, weight: 3 },
      { name: 'a', priority: 0, weight: 1 },
      { name: 'last', priority: 10, weight: 1, maxTokens: 4096 },
    ]);
  });

  it('is valid by the contract', () => {
    const content = resolveContent(agentFixture(), {
      circuits: new Map([['model/primary', breakerFixture()]]),
      limits: new Map([['inbound', limitFixture()]]),
    });
    const configuration = {
      revision: { term: 1, counter: 1 },
      hash: hashContent(content),
      content,
    };
    expect([validate(configuration), validate.errors]).toEqual([true, null]);
  });

  it('refuses a retry whose first wait is longer than its last', () => {
    const { retry } = agentFixture().spec;
    const agent = agentFixture('triage', { retry: { ...retry, baseDelay: '10s' } });
    expect(() => resolveContent(agent, none)).toThrow(
      'spec.retry.baseDelay (10s) must not be longer than spec.retry.maxDelay (8s)',
    );
  });

  it('refuses a configuration that is too large for a ConfigMap', () => {
    const long = 'x'.repeat(64);
    const some = limitFixture(long, {
      limits: Array.from({ length: 5000 }, (_, index) => bucketFixture(`${long}-${index}`)),
    });
    expect(() =>
      resolveContent(agentFixture(), { ...none, limits: new Map([['inbound', some]]) }),
    ).toThrow(/The configuration has \d+ KiB and must stay below 900 KiB; shorten the spec/);
  });
});

describe('hashContent', () => {
  it('depends only on the content', () => {
    const content = resolveContent(agentFixture(), none);
    const turned = Object.fromEntries(Object.entries(content).reverse()) as typeof content;
    expect(hashContent(turned)).toBe(hashContent(content));
    expect(hashContent(content)).toMatch(/^sha256:[0-9a-f]{64}$/);
    const other = { ...content, timeouts: { ...content.timeouts, connectMs: 1 } };
    expect(hashContent(other)).not.toBe(hashContent(content));
  });

  it('is that of JSON with sorted keys and without white space', () => {
    expect(canonicalJson({ b: [{ d: 1, c: null }], a: 'x', e: undefined })).toBe(
      '{"a":"x","b":[{"c":null,"d":1}]}',
    );
  });
});

describe('fields of an earlier version', () => {
  const resolved = (spec: Partial<AgentDeploymentSpec>): object => {
    const { maxRetryAfterMs, gates, requestLimits } = resolveContent(
      agentFixture('triage', spec),
      none,
    );
    return { maxRetryAfterMs, ...gates, connections: requestLimits.maxConnections };
  };

  it('are read where their successors are absent', () => {
    const before = {
      clientPatience: '7s',
      gates: { maxWait: '2m' },
      limits: { maxConnections: 600 },
    };
    expect(resolved(before)).toEqual({
      maxRetryAfterMs: 7000,
      maxProviderWaitMs: 120_000,
      connections: 600,
    });
    const { retry } = agentFixture().spec;
    expect(
      resolved({
        ...before,
        retry: { ...retry, maxRetryAfter: '8s', maxProviderWait: '3m' },
        requestLimits: { ...REQUEST_LIMITS, maxConnections: 700 },
      }),
    ).toEqual({ maxRetryAfterMs: 8000, maxProviderWaitMs: 180_000, connections: 700 });
  });

  it('are read of the Redis, whose password the pods mount', () => {
    const passwordSecretRef = { name: 'redis', key: 'password' };
    const former = { url: 'redis://former:6379', passwordSecretRef };
    const { conversation } = agentFixture().spec;
    const store = { type: 'Redis', redis: former } as const;
    const before = agentFixture('triage', { conversation: { ...conversation, store } });
    const { redis, conversation: resolved } = resolveContent(before, none);
    expect([redis, resolved!.store]).toMatchObject([{ url: former.url }, 'Redis']);
    expect(podChoices(before).secrets).toEqual([passwordSecretRef]);
    const both = { ...before, spec: { ...before.spec, redis: { url: 'redis://redis:6379' } } };
    expect(resolveContent(both, none).redis).toEqual({ url: 'redis://redis:6379' });
    expect(podChoices(both).secrets).toEqual([]);
  });
});
