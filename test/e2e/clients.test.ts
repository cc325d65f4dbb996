import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { restarts } from '../kit/agents.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

const AGENT = 'bouncer';
/** Longest time until the kubelet updates a mounted Secret. */
const MOUNT_MS = 130_000;

describe('an agent that authenticates clients', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;

  const clients = (keys: Record<string, string>): Record<string, unknown> => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'clients' },
    stringData: keys,
  });

  beforeAll(async () => {
    sandbox = await Sandbox.open('clients');
    model = await sandbox.model('stage', 9651);
    await sandbox.apply(
      sandbox.secret('ticket', 'key-of-the-agent'),
      sandbox.agent({
        name: AGENT,
        baseURL: model.baseURL,
        secret: 'ticket',
        spec: { auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'clients' } } } },
      }),
      {
        apiVersion: 'breakwater.dev/v1alpha1',
        kind: 'RateLimitPolicy',
        metadata: { name: 'fair' },
        spec: {
          targetRefs: [{ name: AGENT }],
          scope: 'Pod',
          limits: [
            {
              name: 'each',
              refill: { amount: 1, per: '1h' },
              capacity: 5,
              key: { type: 'Client' },
            },
          ],
        },
      },
    );
  });

  afterAll(() => sandbox.close());

  const agent = (): Promise<AgentDeployment> =>
    sandbox.api.get<AgentDeployment>('agentdeployments', sandbox.namespace, AGENT);
  const by = async (key?: string): Promise<string> =>
    outcome(await pod.send({ ...(key !== undefined && { headers: { 'x-api-key': key } }) }));

  it('names the missing Secret, and admits no client until the Secret exists', async () => {
    const { status } = await waitFor('the Secret is missed', agent, (found) =>
      (found.status?.conditions ?? []).some(({ reason }) => reason === 'SecretNotFound'),
    );
    const ready = status!.conditions!.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({
      status: 'False',
      message: expect.stringContaining('Secret clients, the API keys of clients'),
    });
    await waitFor(
      'the pod is ready',
      () => sandbox.agents.readyPods(AGENT),
      (pods) => pods.length === 1,
    );
    pod = (await sandbox.ways(AGENT))[0]!;
    expect(await by('sesame')).toBe('503 AuthUnavailable');
    await sandbox.apply(clients({ alice: 'sesame', bob: 'open' }));
    await pod.until('alice is let in', (answer) => answer.status === 200, {
      request: { headers: { 'x-api-key': 'sesame' } },
      timeoutMs: MOUNT_MS,
      everyMs: 500,
    });
    await sandbox.agents.waitForAgent(AGENT);
  });

  it('refuses clients without a key or with a wrong one', async () => {
    expect([await by(), await by('simsim')]).toEqual(['401 Unauthorized', '401 Unauthorized']);
  });

  it('gives each client a bucket of its own', async () => {
    for (let i = 0; i < 4; i += 1) expect(await by('sesame')).toBe('200');
    expect([await by('sesame'), await by('open')]).toEqual(['429 RateLimited', '200']);
  });

  it('follows changes of the Secret without a restart', async () => {
    await sandbox.apply(clients({ alice: 'sesame', bob: 'closed' }));
    await pod.until('the new key is good', (answer) => answer.status === 200, {
      request: { headers: { 'x-api-key': 'closed' } },
      timeoutMs: MOUNT_MS,
      everyMs: 500,
    });
    expect(await by('open')).toBe('401 Unauthorized');
    const [ready] = await sandbox.agents.readyPods(AGENT);
    expect(restarts([ready!])).toEqual({ [pod.pod]: 0 });
  });
});
