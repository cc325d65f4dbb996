import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { restarts } from '../kit/agents.ts';
import type { ConversationReport } from '../kit/conversations.ts';
import { hostAddress } from '../kit/host.ts';
import { Issuer } from '../kit/issuer.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(240_000);

/** Agents by how they authenticate clients. */
const BY_KEY = 'porter';
const BY_TOKEN = 'usher';
/** Longest time until the kubelet updates a mounted ConfigMap. */
const MOUNT_MS = 130_000;
const WHO = { iss: 'https://login.example.org', aud: 'triage', sub: 'alice' };

describe('conversations with authenticated clients', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let issuer: Issuer;
  let traffic: RemoteTraffic;

  const prompts = (text: string): Record<string, unknown> => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'prompts' },
    data: { 'triage.md': text },
  });

  beforeAll(async () => {
    issuer = await Issuer.start(hostAddress());
    sandbox = await Sandbox.open('known');
    [model, traffic] = await Promise.all([
      sandbox.model('parrot', 9631),
      sandbox.traffic('guests', 9632),
    ]);
    await model.control.setFault({ recite: true });
    const { iss, aud } = WHO;
    const from = { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'triage.md' } } };
    const every = { baseURL: model.baseURL, model: 'claude-sonnet-5-5', secret: 'ticket' };
    await sandbox.apply(
      sandbox.secret('ticket', 'key-of-the-agent'),
      { ...sandbox.secret('clients', ''), stringData: { alice: 'sesame', bob: 'open' } },
      prompts('You are kind.'),
      sandbox.agent({
        ...every,
        name: BY_KEY,
        replicas: 3,
        spec: { ...from, auth: { type: 'APIKeys', apiKeys: { secretRef: { name: 'clients' } } } },
      }),
      sandbox.agent({
        ...every,
        name: BY_TOKEN,
        spec: {
          ...from,
          auth: { type: 'JWT', jwt: { issuer: iss, audiences: [aud], jwksURL: issuer.url } },
        },
      }),
    );
    await sandbox.agents.waitForAgent(BY_KEY);
    await sandbox.agents.waitForAgent(BY_TOKEN);
  });

  afterAll(async () => {
    await sandbox.close();
    issuer.close();
  });

  /** Runs conversations through the Service. */
  async function converse(name: string, apiKey: string, count: number): Promise<unknown> {
    const plan = { conversations: count, messages: 3, pauseMs: 200, apiKey };
    await traffic.converse({ ...plan, url: sandbox.url(name) });
    const { outcomes, whole, givenUp }: ConversationReport = await waitFor(
      `conversations with ${name} are over`,
      () => traffic.conversations(),
      ({ done }) => done,
      { timeoutMs: 60_000 },
    );
    return { outcomes, whole, givenUp };
  }

  /** Answer of the model in a new conversation with the pod at an address. */
  async function said(url: string, token: string): Promise<string> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const post = (path: string, body: unknown): Promise<Response> =>
      fetch(`${url}/v1/conversations${path}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      });
    const begun = await post('', {});
    if (begun.status !== 201) return String(begun.status);
    const { id } = (await begun.json()) as { id: string };
    const answer = await post(`/${id}/messages`, { content: 'Who are you?' });
    return answer.text();
  }

  it('continue in any pod with an API key, and are refused without one', async () => {
    // Connections fail until the node knows the Service.
    await waitFor(
      'the Service answers',
      () => converse(BY_KEY, 'simsim', 1),
      (report) => JSON.stringify(report).includes('401'),
    );
    expect(await converse(BY_KEY, 'sesame', 20)).toEqual({
      outcomes: { '200': 80, '201': 20 },
      whole: 20,
      givenUp: 0,
    });
    expect(await converse(BY_KEY, 'simsim', 3)).toEqual({
      outcomes: { '401 Unauthorized': 3 },
      whole: 0,
      givenUp: 3,
    });
    // The model has received none of the clients' keys.
    const { byCredential } = await model.control.requests();
    expect(Object.keys(byCredential)).toHaveLength(1);
  });

  it('are visible only to the client that began them, in any pod', async () => {
    const pods = await sandbox.ways(BY_KEY);
    const begun = await fetch(`${pods[0]!.url}/v1/conversations`, {
      method: 'POST',
      headers: { 'x-api-key': 'sesame' },
      body: '{}',
    });
    const { id } = (await begun.json()) as { id: string };
    const read = async (url: string, key: string): Promise<string> => {
      const headers = { 'x-api-key': key };
      const { status, headers: told } = await fetch(`${url}/v1/conversations/${id}`, { headers });
      return `${status} ${told.get('x-breakwater-reason')}`;
    };
    const as = (key: string): Promise<string[]> =>
      Promise.all(pods.map(({ url }) => read(url, key)));
    expect(await as('sesame')).toEqual(Array(3).fill('200 null'));
    expect(await as('open')).toEqual(Array(3).fill('404 ConversationNotFound'));
  });

  it('accept a token, also after the issuer rotates its keys', async () => {
    const [pod] = await sandbox.ways(BY_TOKEN);
    const first = await issuer.token(WHO);
    expect(await said(pod!.url, first)).toContain('You are kind.');
    expect(await said(pod!.url, await issuer.token({ ...WHO, aud: 'somebody' }))).toBe('401');
    await issuer.rotate('second');
    const second = await issuer.token(WHO);
    // The runtime fetches the keys of an issuer at most every ten seconds.
    await waitFor(
      'the new key is known',
      () => said(pod!.url, second),
      (text) => text.includes('You are kind.'),
      { everyMs: 500 },
    );
    expect(await said(pod!.url, first)).toBe('401');
  });

  it('follow the ConfigMap of their system prompt without a restart', async () => {
    const [pod] = await sandbox.ways(BY_TOKEN);
    const token = await issuer.token(WHO);
    expect(await said(pod!.url, token)).toContain('You are kind.');
    await sandbox.apply(prompts('You are brief.'));
    const text = await waitFor(
      'the new prompt is in force',
      () => said(pod!.url, token),
      (found) => found.includes('You are brief.'),
      { timeoutMs: MOUNT_MS, everyMs: 500 },
    );
    expect(text).not.toContain('kind');
    expect(restarts(await sandbox.agents.pods(BY_TOKEN))).toEqual({ [pod!.pod]: 0 });
  });
});
