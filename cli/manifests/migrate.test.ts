import { describe, expect, it } from '@jest/globals';
import { DEPRECATED, type DeprecatedField } from '../../crds/deprecated.ts';
import { Inventory } from './inventory.ts';
import { checks } from './kinds.ts';
import { migrate } from './migrate.ts';

const AGENT = { kind: 'AgentDeployment', instead: 'Use another.' } as const;

const TABLE: DeprecatedField[] = [
  { ...AGENT, path: 'spec.limits', how: 'Renamed', moved: { to: 'spec.requestLimits' } },
  {
    ...AGENT,
    path: 'spec.gates.maxWait',
    how: 'Renamed',
    moved: { to: 'spec.retry.maxProviderWait' },
  },
  { ...AGENT, path: 'spec.audit.webhook', how: 'Removed' },
  {
    ...AGENT,
    kind: 'RateLimitPolicy',
    path: 'spec.limits[].key.principal',
    how: 'Renamed',
    moved: { to: 'spec.limits[].key.type', value: () => 'Client' },
  },
];

const MANIFESTS = `# The agent of the shop.
apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: {name: triage}
spec:
  # Bodies are small.
  limits:
    maxBodyBytes: 65536 # 64 KiB
  gates:
    maxWait: 1m # The provider is quick.
  model:
    endpoints:
    - name: primary
  audit:
    webhook:
      url: https://events.example.com

---
# Others keep all that they have.
apiVersion: v1
kind: Service
spec:
  limits: [1]
---
apiVersion: breakwater.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: triage}
spec:
  limits:
  - name: requests
    key: {principal: true}
`;

const MIGRATED = `# The agent of the shop.
apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: {name: triage}
spec:
  # Bodies are small.
  requestLimits:
    maxBodyBytes: 65536 # 64 KiB
  model:
    endpoints:
    - name: primary
  retry:
    maxProviderWait: 1m # The provider is quick.
---
# Others keep all that they have.
apiVersion: v1
kind: Service
spec:
  limits: [1]
---
apiVersion: breakwater.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: triage}
spec:
  limits:
  - name: requests
    key: {type: Client}
`;

describe('migrate', () => {
  it('moves renamed fields and drops removed ones, and keeps comments, order and style', () => {
    const { text, changes, faults } = migrate(MANIFESTS, false, TABLE);
    expect(text).toBe(MIGRATED);
    expect(changes).toEqual([
      'AgentDeployment triage: spec.audit.webhook is gone. Use another.',
      'AgentDeployment triage: spec.gates.maxWait is spec.retry.maxProviderWait now',
      'AgentDeployment triage: spec.limits is spec.requestLimits now',
      'RateLimitPolicy triage: spec.limits[0].key.principal is spec.limits[0].key.type now',
    ]);
    expect(faults).toEqual([]);
  });

  it('does nothing to what it has rewritten', () => {
    expect(migrate(MIGRATED, false, TABLE)).toEqual({ text: MIGRATED, changes: [], faults: [] });
  });

  it('keeps a new field that stands beside the old one', () => {
    const text = 'kind: AgentDeployment\nspec:\n  limits: { a: 1 }\n  requestLimits: { a: 2 }\n';
    const { text: after, changes } = migrate(text, false, TABLE);
    expect(after).toBe('kind: AgentDeployment\nspec:\n  requestLimits: { a: 2 }\n');
    expect(changes).toEqual([
      'AgentDeployment: spec.limits is gone, because spec.requestLimits is set',
    ]);
  });

  it('rewrites JSON, and the objects of a List', () => {
    const items = [{ kind: 'AgentDeployment', spec: { limits: { a: 1 } } }];
    const { text } = migrate(JSON.stringify({ kind: 'List', items }), true, TABLE);
    expect(JSON.parse(text)).toEqual({
      kind: 'List',
      items: [{ kind: 'AgentDeployment', spec: { requestLimits: { a: 1 } } }],
    });
  });

  it('names an alias that is in the way', () => {
    const text = 'kind: AgentDeployment\nx: &x { maxWait: 1m }\nspec: { gates: *x }\n';
    const { changes, faults } = migrate(text, false, TABLE);
    expect(changes).toEqual([]);
    expect(faults).toEqual([
      'AgentDeployment: spec.gates.maxWait is an alias; write it out, and try again',
    ]);
  });

  it('leaves a file alone that is no YAML', () => {
    expect(migrate('a: {{ .Values }}\n b', false, TABLE).faults).toEqual([
      'cannot be read as YAML',
    ]);
  });
});

it('what migrate makes of every renamed and removed field is accepted', () => {
  const text = `apiVersion: breakwater.dev/v1alpha1
kind: AgentDeployment
metadata: { name: triage }
spec:
  model: { endpoints: [{ name: primary }] }
  clientPatience: 4s
  gates: { maxWait: 2m }
  limits: { maxConnections: 600 }
  conversation: { store: { type: Redis, redis: { url: 'redis://redis:6379' } } }
  timeouts: { transportIdle: 30s, request: 4m }
  audit:
    webhook: { url: 'https://events.example.com' }
    memoryEvents: 10
    bufferBytes: 65536
    authenticationInterval: 10m
    otlp: { url: 'http://collector:4318/v1/logs', queueBytes: 65536 }
  auth:
    type: JWT
    failures: { perMinute: 30 }
    jwt: { issuer: 'https://sso', audiences: [a], jwksURL: 'https://sso/keys', keys: { maxAge: 1h } }
  security:
    incidents:
      window: 5m
      maxTracked: 200
      thresholds: { limitAbuse: 50 }
      raiseLevelAt: 5
      manySources: 5
      spend: { hours: 12 }
---
apiVersion: breakwater.dev/v1alpha1
kind: CircuitBreakerPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  scope: Fleet
  fleet: { hintLifetime: 20s }
  trip: { consecutiveFailures: 5, abandonedAfter: 20s }
---
apiVersion: breakwater.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: triage }
spec:
  targetRefs: [{ name: triage }]
  scope: Pod
  limits: [{ name: a, refill: { amount: 1, per: 1s }, capacity: 1, key: { principal: true } }]
`;
  const { text: after, changes, faults } = migrate(text, false);
  expect([changes.length, faults]).toEqual([DEPRECATED.length, []]);
  const inventory = new Inventory(checks(), () => new Date(0));
  expect(inventory.load(new Map([['a.yaml', after]])).faults).toEqual([]);
  const { agents, limits } = inventory.objects();
  const { retry, requestLimits, security, redis, conversation } = agents[0]!.spec;
  expect([retry.maxRetryAfter, retry.maxProviderWait]).toEqual(['4s', '2m']);
  expect(requestLimits?.maxConnections).toBe(600);
  expect([redis?.url, conversation.store]).toEqual(['redis://redis:6379', { type: 'Redis' }]);
  expect(security.incidents.rules).toContainEqual({ type: 'RateLimitAbuse', count: 50 });
  expect(limits[0]!.spec.limits[0]!.key).toEqual({ type: 'Client' });
});
