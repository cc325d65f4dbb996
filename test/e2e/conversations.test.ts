import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RealRedis } from '../../runtime/testing/redis.ts';
import { restarts } from '../kit/agents.ts';
import type { ConversationPlan, ConversationReport } from '../kit/conversations.ts';
import { hostAddress } from '../kit/host.ts';
import { killContainer } from '../kit/kill.ts';
import { portForward } from '../kit/portForward.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(300_000);

/** Conversations without a disturbance. */
const QUIET = { conversations: 100, messages: 10, pauseMs: 2000 };
/** Conversations until pods have been killed and replaced. They have at most as many messages as an agent keeps. */
const DISTURBED = { conversations: 40, messages: 50, pauseMs: 4000 };
const PASSWORD = 'open-sesame';

/** Agents by the store of their conversations. */
const IN_MEMORY = 'forgetful';
const IN_REDIS = 'mindful';

describe('conversations over three pods', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let redis: RealRedis;
  /** One client of each agent, so that both can be disturbed at the same time. */
  let clients: Record<string, RemoteTraffic>;

  const agent = (name: string, edition = 'first'): Record<string, unknown> =>
    sandbox.agent({
      name,
      replicas: 3,
      baseURL: model.baseURL,
      model: 'claude-sonnet-5-5',
      drainTimeout: '5s',
      podTemplate: { metadata: { annotations: { 'example.org/edition': edition } } },
      ...(name === IN_REDIS && {
        spec: {
          conversation: { store: { type: 'Redis' } },
          redis: {
            url: `redis://${hostAddress()}:${redis.port}`,
            passwordSecretRef: { name: 'redis', key: 'password' },
          },
        },
      }),
    });

  beforeAll(async () => {
    redis = await RealRedis.start(PASSWORD, [hostAddress()]);
    sandbox = await Sandbox.open('conversations');
    const [simulated, first, second] = await Promise.all([
      sandbox.model('narrator', 9621),
      sandbox.traffic('chatterbox', 9622),
      sandbox.traffic('gossip', 9623),
    ]);
    model = simulated;
    clients = { [IN_MEMORY]: first, [IN_REDIS]: second };
    await sandbox.apply(
      { ...sandbox.secret('redis', ''), stringData: { password: PASSWORD } },
      agent(IN_MEMORY),
      agent(IN_REDIS),
    );
    await sandbox.served(IN_MEMORY, first);
    await sandbox.served(IN_REDIS, second);
  });

  afterAll(async () => {
    await sandbox.close();
    await redis.stop();
  });

  const begin = (name: string, plan: Omit<ConversationPlan, 'url'>): Promise<ConversationReport> =>
    clients[name]!.converse({ url: sandbox.url(name), ...plan });

  const over = (name: string): Promise<ConversationReport> =>
    waitFor(
      `the conversations with ${name} are over`,
      () => clients[name]!.conversations(),
      ({ done }) => done,
      { timeoutMs: 150_000 },
    );

  /** Outcomes with a status that begins with these digits. */
  const refusals = ({ outcomes }: ConversationReport, status: string): string[] =>
    Object.keys(outcomes).filter((outcome) => outcome.startsWith(status));

  /** The circuits of each pod with their last failures, for the message of a failed test. */
  async function circuits(name: string): Promise<unknown[]> {
    const pods = await sandbox.agents.readyPods(name);
    return Promise.all(
      pods.map(async ({ metadata }) => {
        const pod = `pod/${metadata.name}`;
        const way = await portForward(sandbox.kubectl, sandbox.namespace, pod, 9091);
        try {
          return await (await fetch(`${way.url}/debug/circuits`)).json();
        } finally {
          way.stop();
        }
      }),
    );
  }

  it.each([IN_MEMORY, IN_REDIS])(
    'are carried on by whichever pod is asked: 100 of them with %s, 10 messages each',
    async (name) => {
      await begin(name, QUIET);
      const report = await over(name);
      const unexpected = Object.keys(report.outcomes).some((each) => !/^20[01]$/.test(each));
      const causes = unexpected ? await circuits(name) : [];
      expect({ ...report, causes }).toEqual({
        answered: 1000,
        whole: 100,
        torn: 0,
        givenUp: 0,
        done: true,
        // 100 new conversations, 1,000 messages, and 100 reads at the end.
        outcomes: { '200': 1100, '201': 100 },
        causes: [],
      });
    },
  );

  /** Waits for one more answer for each conversation. */
  async function goOn(name: string): Promise<void> {
    const { answered } = await clients[name]!.conversations();
    await waitFor(
      `conversations with ${name} go on`,
      () => clients[name]!.conversations(),
      (report) => report.done || report.answered >= answered + DISTURBED.conversations,
      { timeoutMs: 60_000 },
    );
  }

  /** Runs conversations, and meanwhile kills a pod's process and then replaces all pods. */
  async function disturb(name: string): Promise<ConversationReport> {
    const before = await sandbox.agents.readyPods(name);
    await begin(name, DISTURBED);
    await goOn(name);
    await killContainer(sandbox, before[0]!, 'agent');
    await waitFor(
      'the container was restarted',
      () => sandbox.agents.pods(name),
      (pods) => Object.values(restarts(pods)).includes(1),
      { timeoutMs: 60_000 },
    );
    await sandbox.agents.waitForAgent(name);
    await goOn(name);
    await sandbox.apply(agent(name, 'second'));
    const old = new Set(before.map((pod) => pod.metadata.name));
    await waitFor(
      'all pods are new ones and the old ones are gone',
      () => sandbox.agents.pods(name),
      (pods) => pods.length === 3 && pods.every((pod) => !old.has(pod.metadata.name)),
      { timeoutMs: 120_000 },
    );
    await goOn(name);
    await clients[name]!.endConversations();
    return over(name);
  }

  describe('during a SIGKILL and a rollout', () => {
    let reports: Record<string, ConversationReport>;

    beforeAll(async () => {
      const [memory, kept] = await Promise.all([disturb(IN_MEMORY), disturb(IN_REDIS)]);
      reports = { [IN_MEMORY]: memory, [IN_REDIS]: kept };
      process.stdout.write(`    ${JSON.stringify(reports)}\n`);
    });

    it('are whole in memory, or lost with their pod and answered with ConversationLost', () => {
      const report = reports[IN_MEMORY]!;
      expect(report.torn).toBe(0);
      expect(report.whole + report.givenUp).toBe(DISTURBED.conversations);
      expect(report.givenUp).toBeGreaterThan(0);
      expect(report.outcomes['410 ConversationLost']).toBe(report.givenUp);
      expect(refusals(report, '404')).toEqual([]);
    });

    it('are all whole in Redis', () => {
      const report = reports[IN_REDIS]!;
      expect(report).toMatchObject({
        whole: DISTURBED.conversations,
        torn: 0,
        givenUp: 0,
      });
      expect([...refusals(report, '404'), ...refusals(report, '410')]).toEqual([]);
    });
  });
});
