import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { isReady, type Pod } from '../kit/agents.ts';
import { hasCondition } from '../kit/conditions.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import { testAuthority } from '../../runtime/testing/certificates.ts';
import { credentialFingerprint } from '../../cli/simulator/record.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

type Spec = Record<string, unknown>;

interface Definition {
  spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Spec } } } }[] };
}

/** Longest time until the kubelet updates a mounted Secret. */
const SECRET_SYNC_MS = 130_000;

describe('a change of the spec', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let spare: SandboxModel;

  beforeAll(async () => {
    sandbox = await Sandbox.open('spec-changes');
    [model, spare] = await Promise.all([sandbox.model('oak', 9501), sandbox.model('elm', 9502)]);
    const common = { baseURL: model.baseURL, drainTimeout: '1s' };
    await sandbox.apply(
      sandbox.secret('acorn', 'old-key'),
      sandbox.secret('chestnut', 'other-key'),
      sandbox.secret('cork', 'password'),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'prompts' },
        data: {
          'gardener.md': 'You are a gardener.',
          'ca.crt': (await testAuthority()).cert,
        },
      },
      sandbox.agent({ ...common, name: 'gardener', secret: 'acorn' }),
      sandbox.agent({ ...common, name: 'keeper', secret: 'acorn' }),
      sandbox.breaker('fence', 'gardener'),
    );
    await Promise.all(['gardener', 'keeper'].map((name) => sandbox.agents.waitForAgent(name)));
  });

  afterAll(() => sandbox.close());

  const endpoint = (fields: Spec): Spec => ({
    model: {
      endpoints: [
        {
          name: 'north',
          baseURL: model.baseURL,
          apiKeySecretRef: { name: 'acorn', key: 'api-key' },
          ...fields,
        },
      ],
    },
  });

  /** Waits until status and pods have the current spec. Returns the agent. */
  const settled = (): Promise<AgentDeployment> =>
    waitFor(
      'the change is everywhere',
      () => sandbox.agents.agent('gardener'),
      (agent) =>
        agent.status?.observedGeneration === agent.metadata.generation &&
        hasCondition(agent, 'Ready', 'True') &&
        hasCondition(agent, 'Progressing', 'False', 'RolledOut') &&
        hasCondition(agent, 'PoliciesProgrammed', 'True'),
      { timeoutMs: 90_000 },
    );

  const alive = async (): Promise<Pod[]> =>
    (await sandbox.agents.pods('gardener')).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );

  const uids = async (): Promise<string[]> => (await alive()).map(({ metadata }) => metadata.uid!);

  const revisions = async (): Promise<string[]> =>
    (await sandbox.api.list('replicasets', sandbox.namespace, 'breakwater.dev/agent=gardener'))
      .map(({ metadata }) => metadata.name)
      .sort();

  const change = (spec: Spec): Promise<unknown> =>
    sandbox.api.mergePatch('agentdeployments', sandbox.namespace, 'gardener', { spec });

  const tool = (http: Spec): Spec => ({
    tools: [
      {
        name: 'dig',
        description: 'Digs a hole.',
        inputSchema: { type: 'object' },
        http: { url: `${model.baseURL}/holes`, method: 'POST', ...http },
      },
    ],
  });

  const server = (fields: Spec): Spec => ({
    mcpServers: [{ name: 'shed', url: `${model.baseURL}/mcp`, ...fields }],
  });

  /** A request header with its value in a Secret. */
  const header = (secret: string): Spec => ({
    headersFrom: [{ name: 'x-token', secretKeyRef: { name: secret, key: 'api-key' } }],
  });

  const prompt = { configMapKeyRef: { name: 'prompts', key: 'gardener.md' } };

  const redis = (fields: Spec): Spec => ({
    conversation: { store: { type: 'Redis' } },
    redis: { url: 'redis://nowhere:6379', ...fields },
  });

  const HOT: [what: string, spec: () => Spec, reloads: boolean][] = [
    // Several pods share the provider's limit, so the configuration has their largest number.
    ['replicas', () => ({ replicas: 2 }), true],
    ...(['request', 'connect', 'firstToken', 'streamIdle', 'run', 'tool'] as const).map(
      (name, index): [string, () => Spec, boolean] => [
        `timeouts.${name}`,
        () => ({ timeouts: { [name]: `${60 - index}s` } }),
        true,
      ],
    ),
    ['retry', () => ({ retry: { maxAttempts: 2 } }), true],
    ['timeouts.attempt', () => ({ timeouts: { attempt: '20s' } }), true],
    ['timeouts.stream', () => ({ timeouts: { stream: '2h' } }), true],
    ['clientPatience, its former name', () => ({ clientPatience: '4s' }), true],
    ['retry.maxRetryAfter', () => ({ retry: { maxRetryAfter: '3s' } }), true],
    ['gates, the former name of it', () => ({ gates: { maxWait: '4m' } }), true],
    ['retry.maxProviderWait', () => ({ retry: { maxProviderWait: '1m' } }), true],
    ['routes', () => ({ routes: ['/v1/files'] }), true],
    [
      'proxies',
      () => ({
        proxy: { httpsProxy: 'http://proxy.example.org:3128', noProxy: ['example.net'] },
      }),
      true,
    ],
    ['telemetry', () => ({ telemetry: { logging: { successRatio: '0.5' } } }), true],
    [
      'what goes on about clients',
      () => ({ telemetry: { tracing: { baggage: 'Forward', userId: 'Plain' } } }),
      true,
    ],
    ['audit', () => ({ audit: {} }), true],
    ['limits, a former name', () => ({ limits: { maxBodyBytes: 1_048_576 } }), true],
    ['requestLimits', () => ({ requestLimits: { maxBodyBytes: 2_097_152 } }), true],
    ['bulkhead', () => ({ bulkhead: { maxConcurrent: 50 } }), true],
    ['forwarding', () => ({ bulkhead: { whenFull: 'Reject' } }), true],
    ['the model', () => endpoint({ model: 'claude-opus-5' }), true],
    ['the concurrency of an endpoint', () => endpoint({ maxConcurrent: 9 }), true],
    ['the address of an endpoint', () => endpoint({ baseURL: spare.baseURL }), true],
    ['the most tokens of an endpoint', () => endpoint({ maxTokens: 512 }), true],
    ['the priority of an endpoint', () => endpoint({ priority: 3 }), true],
    ['the weight of an endpoint', () => endpoint({ weight: 7 }), true],
    ['loadBalancing', () => ({ model: { loadBalancing: 'Random' } }), true],
    ['affinity', () => ({ model: { affinity: { header: 'x-session-id' } } }), true],
    ['systemPrompt', () => ({ systemPrompt: 'You are a gardener.' }), true],
    ['tools', () => tool({}), true],
    ['a field of a tool', () => tool({ maxResponseBytes: 1024 }), true],
    ['mcpServers', () => server({}), true],
    ['a field of an MCP server', () => server({ allowedTools: ['rake'] }), true],
    ['the checks of an MCP server', () => server({ checkInterval: '0s' }), true],
    ['the pin of an MCP server', () => server({ toolsHash: `sha256:${'0'.repeat(64)}` }), true],
    ['the cache of an MCP server', () => server({ cache: { ttl: '1m', tools: ['rake'] } }), true],
    [
      'healthChecks',
      () => ({ healthChecks: [{ name: 'model', http: { url: model.baseURL } }] }),
      true,
    ],
    ['no healthChecks', () => ({ healthChecks: null }), true],
    ['no tools', () => ({ tools: null, mcpServers: null }), true],
    [
      'security',
      () => ({
        security: {
          egress: { allowHosts: ['example.org'] },
          incidents: { rules: [{ type: 'RateLimitAbuse', count: 50 }] },
          responses: [{ action: 'Block', minLevel: 'Critical' }],
        },
      }),
      true,
    ],
    [
      'what is screened',
      () => ({
        security: {
          promptInjection: { mode: 'Block', sources: [{ source: 'Messages' }] },
          secrets: { mode: 'Block' },
          runGuard: { mode: 'Enforce', messages: true },
        },
      }),
      true,
    ],
    ['conversation', () => ({ conversation: { maxMessages: 60, idleTimeout: '2h' } }), true],
    ['cache', () => ({ cache: { mode: 'Exact', hot: { maxEntries: 7 } } }), true],
    ['a reset of the cache', () => ({ cache: { resetToken: 'spring' } }), true],
    [
      'auth by tokens',
      () => ({
        auth: {
          type: 'JWT',
          jwt: { issuer: 'gate', audiences: ['garden'], jwksURL: `${model.baseURL}/keys` },
          clients: [{ name: '*', allow: { maxTokens: 100 } }],
        },
      }),
      true,
    ],
    ['no auth', () => ({ auth: { type: 'None', jwt: null, clients: null } }), true],
    [
      'the Service',
      () => ({ service: { port: 8081, annotations: { 'example.org/a': 'b' } } }),
      false,
    ],
    ['disruption', () => ({ disruption: { maxUnavailable: '50%' } }), false],
    ['networkPolicy', () => ({ networkPolicy: { enabled: false } }), false],
    ['monitoring', () => ({ monitoring: { serviceMonitor: { enabled: false } } }), false],
    ['runtimeUpgrade', () => ({ runtimeUpgrade: 'Manual' }), false],
    ['autoscaling', () => ({ autoscaling: { minReplicas: 2, maxReplicas: 2 } }), false],
    [
      'autoscaling by load',
      () => ({
        autoscaling: { inFlight: { target: 5, prometheus: { serverAddress: 'http://none' } } },
      }),
      false,
    ],
    ['no autoscaling', () => ({ autoscaling: null }), false],
    ['runtimeUpgrade back', () => ({ runtimeUpgrade: 'Automatic' }), false],
    ['fewer replicas', () => ({ replicas: 1 }), true],
  ];

  const COLD: [what: string, spec: () => Spec][] = [
    ['imagePullPolicy', () => ({ imagePullPolicy: 'Never' })],
    ['probes', () => ({ probes: { readiness: { period: '1s' } } })],
    ['shutdown', () => ({ shutdown: { drainTimeout: '2s' } })],
    [
      'podTemplate',
      () => ({ podTemplate: { metadata: { annotations: { 'example.org/a': 'b' } } } }),
    ],
    ['program', () => ({ program: { image: sandbox.images.simulator } })],
    ['the end of the program', () => ({ program: null })],
    ['another Secret', () => endpoint({ apiKeySecretRef: { name: 'chestnut', key: 'api-key' } })],
    [
      'systemPromptFrom and trustedCA',
      () => ({
        systemPrompt: null,
        systemPromptFrom: prompt,
        trustedCA: { configMapKeyRef: { name: 'prompts' } },
      }),
    ],
    [
      'headers of tools and of MCP servers',
      () => ({ ...tool(header('chestnut')), ...server(header('acorn')) }),
    ],
    [
      'the password of Redis, the API keys of clients and the token of scrapers',
      () => ({
        monitoring: { auth: { tokenSecretRef: { name: 'acorn', key: 'api-key' } } },
        ...redis({ passwordSecretRef: { name: 'cork', key: 'api-key' } }),
        auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'chestnut' } } },
      }),
    ],
  ];

  it('has a test for each field', async () => {
    const path = join(import.meta.dirname, '../../crds/agentdeployments.yaml');
    const { spec } = parse(await readFile(path, 'utf8')) as Definition;
    const { properties } = spec.versions[0]!.schema.openAPIV3Schema.properties.spec;
    const tried = [...HOT, ...COLD].flatMap(([, change]) => Object.keys(change()));
    // The image has its own test below.
    expect([...new Set([...tried, 'image'])].sort()).toEqual(Object.keys(properties!).sort());
  });

  it('restarts no pod, except for a few fields', async () => {
    await sandbox.apply(sandbox.secret('acorn', 'new-key'));
    for (const [what, spec, reloads] of HOT) {
      const before = await settled();
      const [pods, sets] = await Promise.all([uids(), revisions()]);
      await change(spec());
      const after = await settled();
      const now = await uids();
      const kept = pods.filter((uid) => now.includes(uid));
      expect([what, kept.length]).toEqual([what, Math.min(pods.length, now.length)]);
      expect([what, await revisions()]).toEqual([what, sets]);
      const hashes = [before, after].map(({ status }) => status?.configuration?.hash);
      expect([what, hashes[0] !== hashes[1]]).toEqual([what, reloads]);
    }
  });

  it.each(COLD)('restarts the pods if it concerns %s', async (_what, spec) => {
    await settled();
    const before = await uids();
    await change(spec());
    await settled();
    const after = await uids();
    expect(after).toHaveLength(before.length);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
  });

  it('to a missing image begins a rollout but removes no pod', async () => {
    await settled();
    const before = await uids();
    await change({ image: sandbox.images.runtime.replace(/:[^/:]*$/, ':no-such-tag') });
    await waitFor('a new pod waits for its image', alive, (pods) => pods.length > before.length);
    expect((await alive()).filter(isReady).map(({ metadata }) => metadata.uid)).toEqual(before);
    await change({ image: null });
    await waitFor('the new pod is gone', uids, (now) => now.join() === before.join());
    await settled();
  });

  it('is not needed for a new API key, which is in use after the kubelet’s sync without a restart', async () => {
    const pods = await sandbox.agents.readyPods('keeper');
    const [way] = await sandbox.ways('keeper');
    await waitFor(
      'the model sees the new key',
      async () => {
        expect(outcome(await way!.send())).toBe('200');
        return (await model.control.requests()).byCredential;
      },
      (seen) => (seen[credentialFingerprint('new-key')] ?? 0) > 0,
      { timeoutMs: SECRET_SYNC_MS, everyMs: 1_000 },
    );
    const [same] = await sandbox.agents.readyPods('keeper');
    expect(same!.metadata.uid).toBe(pods[0]!.metadata.uid);
    expect(same!.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('can be awaited with kubectl wait', async () => {
    const wait = (condition: string): Promise<string> =>
      sandbox.kubectl.run([
        'wait',
        `--for=condition=${condition}`,
        'agentdeployment/gardener',
        '-n',
        sandbox.namespace,
        '--timeout=60s',
      ]);
    expect(await wait('Ready')).toContain('condition met');
    expect(await wait('Degraded=False')).toContain('condition met');
  });
});
