import { describe, expect, it } from '@jest/globals';
import { AGENT_DEPLOYMENT_DEFAULTS } from '../../crds/generated/defaults.ts';
import { agentFixture, breakerFixture } from '../../operator/testing/fixtures.ts';
import type { Keys } from '../manifests/inventory.ts';
import { localPlans, type LocalPlan } from './agentPlan.ts';

const KEY_FILE = '/run/support/triage/var/run/secrets/breakwater.dev/credentials/primary/api-key';

const secret = (data: Partial<Keys>): Keys => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'anthropic', namespace: 'support' },
  ...data,
});

function plan(
  keys: Keys[],
  environment: Record<string, string> = {},
  more: object = {},
  spec: Parameters<typeof agentFixture>[1] = {},
): ReturnType<typeof localPlans> {
  const objects = { agents: [agentFixture('triage', spec)], breakers: [], limits: [], keys };
  return localPlans(objects, { environment, directoryOf: (id) => `/run/${id}`, ...more });
}

describe('the plan of an agent on this computer', () => {
  it.each([
    ['stringData', [secret({ stringData: { 'api-key': 'plain' } })], {}, 'plain'],
    ['data', [secret({ data: { 'api-key': 'Y29kZWQ=' } })], {}, 'coded'],
    ['the environment', [], { ANTHROPIC_API_KEY: 'from-env' }, 'from-env'],
  ])('takes a key from %s', (_, keys, environment, key) => {
    const { agents } = plan(keys, environment);
    expect([...agents[0]!.files]).toEqual([[KEY_FILE, key]]);
    expect(agents[0]!.content!.endpoints[0]!.credential!.path).toBe(KEY_FILE);
    expect(agents[0]!.problems).toEqual([]);
  });

  it('says which key is missing and where to put it', () => {
    const elsewhere = { ...secret({}), metadata: { name: 'anthropic', namespace: 'other' } };
    expect(plan([elsewhere]).agents[0]!.problems).toEqual([
      'AgentDeployment triage: Secret anthropic with the key api-key is missing; add a manifest of it, or set ANTHROPIC_API_KEY in the environment',
    ]);
  });

  it('sends simulated endpoints to their models, without keys', () => {
    const simulated = (id: string, name: string): string => `http://simulated/${id}/${name}`;
    const { agents } = plan([secret({ stringData: { 'api-key': 'real' } })], {}, { simulated });
    const [{ content, files }] = agents as [(typeof agents)[0]];
    expect(content!.endpoints[0]!.baseURL).toBe('http://simulated/support/triage/primary');
    expect([...files.values()]).toEqual(['simulated']);
    expect(content!.shutdown.endpointLagMs).toBe(0);
  });

  it('keeps conversations in memory instead of Redis with simulated models, and says so', () => {
    const redis = {
      url: 'redis://redis:6379',
      passwordSecretRef: { name: 'redis', key: 'password' },
    };
    const store = { type: 'Redis' } as const;
    const spec = { redis, conversation: { ...AGENT_DEPLOYMENT_DEFAULTS.conversation, store } };
    const simulated = (): string => 'http://simulated';
    const key = secret({ stringData: { 'api-key': 'real' } });
    expect(plan([key], {}, {}, spec).agents[0]!.content!.redis).toBeDefined();
    const [{ content, problems, notes }] = plan([key], {}, { simulated }, spec).agents as [
      LocalPlan,
    ];
    expect([content!.redis, content!.conversation!.store]).toEqual([undefined, 'Memory']);
    expect(problems).toEqual([]);
    expect(notes).toEqual([expect.stringContaining('in memory and uses no Redis')]);
  });

  it('writes the audit into its own directory on a computer, and where pods do in an image', () => {
    const audit = {
      stdout: false,
      file: { maxBytes: 1000, maxFiles: 2 },
      required: false,
    } as const;
    const directories = [true, false].map((ownOutput) => {
      const [{ content, notes }] = plan([], {}, { ownOutput }, { audit }).agents as [LocalPlan];
      return [content!.audit!.file!.directory, notes];
    });
    const own = '/run/support/triage/var/log/breakwater/audit';
    expect(directories).toEqual([
      [own, [`writes its audit below ${own}`]],
      ['/var/log/breakwater/audit', []],
    ]);
  });

  it('reports policies without a target', () => {
    const breakers = [breakerFixture('lost', { targetRefs: [target('nobody')] })];
    const objects = { agents: [agentFixture()], breakers, limits: [], keys: [] };
    const { problems } = localPlans(objects, { environment: {}, directoryOf: (id) => id });
    expect(problems).toEqual([expect.stringContaining('CircuitBreakerPolicy lost: ')]);
    expect(problems[0]).toContain('nobody');
  });
});

function target(name: string): { group: 'breakwater.dev'; kind: 'AgentDeployment'; name: string } {
  return { group: 'breakwater.dev', kind: 'AgentDeployment', name };
}
