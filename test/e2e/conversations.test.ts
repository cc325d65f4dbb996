import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RealRedis } from '../../runtime/testing/redis.ts';
import type { ConversationReport } from '../kit/conversations.ts';
import { hostAddress } from '../kit/host.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(300_000);

const CONVERSATIONS = 100;
const MESSAGES = 10;
const PASSWORD = 'open-sesame';

/** Agents by where they keep conversations. */
const IN_MEMORY = 'forgetful';
const IN_REDIS = 'mindful';

describe('conversations over three pods', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let redis: RealRedis;
  /** One caller of each agent. */
  let callers: Record<string, RemoteTraffic>;

  const agent = (name: string): Record<string, unknown> =>
    sandbox.agent({
      name,
      replicas: 3,
      baseURL: model.baseURL,
      model: 'claude-sonnet-5-5',
      drainTimeout: '5s',
      ...(name === IN_REDIS && {
        spec: {
          conversation: {
            store: {
              type: 'Redis',
              redis: {
                url: `redis://${hostAddress()}:${redis.port}`,
                passwordSecretRef: { name: 'redis', key: 'password' },
              },
            },
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
    callers = { [IN_MEMORY]: first, [IN_REDIS]: second };
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

  const begin = (name: string, pauseMs: number): Promise<ConversationReport> =>
    callers[name]!.converse({
      url: sandbox.url(name),
      conversations: CONVERSATIONS,
      messages: MESSAGES,
      pauseMs,
    });

  const over = (name: string): Promise<ConversationReport> =>
    waitFor(
      `the conversations with ${name} are over`,
      () => callers[name]!.conversations(),
      ({ done }) => done,
      { timeoutMs: 150_000 },
    );

  /** Outcomes whose status begins with these digits. */
  const refusals = ({ outcomes }: ConversationReport, status: string): string[] =>
    Object.keys(outcomes).filter((outcome) => outcome.startsWith(status));

  it.each([IN_MEMORY, IN_REDIS])(
    'are carried on by whichever pod is asked: 100 of them with %s, 10 messages each',
    async (name) => {
      await begin(name, 3000);
      const report = await over(name);
      expect(report).toMatchObject({ answered: 1000, whole: 100, torn: 0, givenUp: 0 });
      expect(refusals(report, '4')).toEqual([]);
    },
  );
});
