import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { say } from '../cluster/common/step.ts';
import { hasCondition } from '../kit/conditions.ts';
import type { Pod } from '../kit/agents.ts';
import { waitFor } from '../kit/wait.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const [AGENT, METRICS, CONTROL] = [8080, 9090, 9443] as const;
/** Longest time until the network enforces a policy. */
const SETTLE_MS = 20_000;

/** Connects and reports whether that works. Silently dropped packets count as closed after two seconds. */
const script = (ip: string, port: number): string => `
  const socket = require('net').connect({ host: '${ip}', port: ${port} });
  const end = (word) => { process.stdout.write(word); process.exit(0); };
  socket.on('connect', () => end('open'));
  socket.on('error', () => end('closed'));
  setTimeout(() => end('closed'), 2000);
`;

/** Whether the cluster must enforce policies: kind's published node images do. */
function mustEnforce({ CLUSTER, KIND_NODE_IMAGE = '' }: NodeJS.ProcessEnv): boolean {
  return CLUSTER === 'kind' && KIND_NODE_IMAGE.startsWith('kindest/node:');
}

interface Client {
  namespace: string;
  pod: string;
}

describe('the NetworkPolicy of an agent', () => {
  let sandbox: Sandbox;
  let abroad: Sandbox;
  let pods: Pod[];
  let neighbour: Client;
  let stranger: Client;

  beforeAll(async () => {
    [sandbox, abroad] = await Promise.all([Sandbox.open('network'), Sandbox.open('abroad')]);
    const [model] = await Promise.all([sandbox.model('mill', 9701), abroad.model('inn', 9702)]);
    neighbour = { namespace: sandbox.namespace, pod: 'mill' };
    stranger = { namespace: abroad.namespace, pod: 'inn' };
    await sandbox.apply(
      sandbox.agent({ name: 'miller', replicas: 2, baseURL: model.baseURL, drainTimeout: '1s' }),
    );
    await sandbox.agents.waitForAgent('miller');
    pods = await sandbox.agents.readyPods('miller');
  });

  afterAll(async () => {
    await Promise.all([sandbox?.close(), abroad?.close()]);
  });

  async function reach({ namespace, pod }: Client, ip: string, port: number): Promise<string> {
    const command = ['/nodejs/bin/node', '-e', script(ip, port)];
    return sandbox.kubectl.run(['exec', '-n', namespace, pod, '--', ...command]);
  }

  /** Whether this cluster's network enforces policies. Tests it by a policy that denies all ingress of a pod. */
  async function isEnforced(): Promise<boolean> {
    await abroad.apply({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'closed' },
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    });
    const { status } = await abroad.api.get<Pod>('pods', abroad.namespace, 'inn');
    try {
      await waitFor(
        'the pod is closed',
        () => reach(neighbour, status!.podIP!, 9702),
        (answer) => answer === 'closed',
        { timeoutMs: SETTLE_MS, everyMs: 1_000 },
      );
      return true;
    } catch {
      return false;
    }
  }

  async function expectReach(rows: [string, Client, number, 'open' | 'closed'][]): Promise<void> {
    const ip = pods[0]!.status!.podIP!;
    await waitFor(
      'every connection is as the policy says',
      async () =>
        Promise.all(
          rows.map(async ([name, from, port]) => `${name} ${port} ${await reach(from, ip, port)}`),
        ),
      (seen) => seen.join() === rows.map(([name, , port, way]) => `${name} ${port} ${way}`).join(),
      { timeoutMs: SETTLE_MS + 15_000, everyMs: 1_000 },
    );
  }

  it('opens each port to the hosts in the spec, if the network enforces policies', async () => {
    const sibling = { namespace: sandbox.namespace, pod: pods[1]!.metadata.name };
    const enforced = await isEnforced();
    const way = (wanted: 'open' | 'closed'): 'open' | 'closed' => (enforced ? wanted : 'open');
    if (!enforced) {
      const what =
        'NETWORK POLICIES WERE NOT TRIED: the network of this cluster does not enforce them.';
      if (mustEnforce(process.env)) throw new Error(`${what} That of kind's own node images does.`);
      say(`${what} That it lets everything through is all that was seen.`);
    }
    await expectReach([
      ['sibling', sibling, AGENT, 'open'],
      ['neighbour', neighbour, AGENT, 'open'],
      ['neighbour', neighbour, METRICS, 'open'],
      ['neighbour', neighbour, CONTROL, way('closed')],
      ['stranger', stranger, AGENT, way('closed')],
      ['stranger', stranger, METRICS, 'open'],
      ['stranger', stranger, CONTROL, way('closed')],
    ]);

    const from = [
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': abroad.namespace } },
      },
    ];
    await sandbox.api.mergePatch('agentdeployments', sandbox.namespace, 'miller', {
      spec: { networkPolicy: { from, metricsFrom: from } },
    });
    await expectReach([
      ['sibling', sibling, AGENT, 'open'],
      ['neighbour', neighbour, AGENT, way('closed')],
      ['neighbour', neighbour, METRICS, way('closed')],
      ['stranger', stranger, AGENT, 'open'],
      ['stranger', stranger, METRICS, 'open'],
    ]);
  });

  it('blocks neither the kubelet nor the operator', async () => {
    const agent = await waitFor(
      'the agent is as it was, with a link to each pod',
      () => sandbox.agents.agent('miller'),
      (seen) => hasCondition(seen, 'Ready', 'True') && seen.status?.summary?.circuits === '2/2',
    );
    expect(agent.status?.readyReplicas).toBe(2);
    const now = await sandbox.agents.readyPods('miller');
    expect(now.map(({ metadata }) => metadata.uid)).toEqual(
      pods.map(({ metadata }) => metadata.uid),
    );
  });
});
