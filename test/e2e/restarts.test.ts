import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Pod } from '../kit/agents.ts';
import { restarts } from '../kit/agents.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { killContainer } from '../kit/kill.ts';
import { portForward } from '../kit/portForward.ts';
import { outcome, saidSeconds } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { NOTHING_LEFT, Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const HOUR = 3600;
/** The default of retry.maxProviderWait, in seconds, and what the wait of one pod is lengthened by at most. */
const MAX_WAIT = 300;
const SPREAD = 10;

describe('a container that was killed', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;

  const way = async (name: string): Promise<PodClient> => (await sandbox.ways(name))[0]!;

  beforeAll(async () => {
    sandbox = await Sandbox.open('restarts');
    model = await sandbox.model('phoenix', 9831);
    await sandbox.apply(
      sandbox.secret('seal', 'wax'),
      sandbox.agent({ name: 'sleeper', baseURL: model.baseURL, secret: 'seal' }),
      sandbox.agent({ name: 'miser', baseURL: model.baseURL }),
      sandbox.limit('miser', 'miser', { capacity: 3, amount: 1, per: '1h' }),
    );
    await Promise.all(['sleeper', 'miser'].map((name) => sandbox.agents.waitForAgent(name)));
  });

  afterAll(() => sandbox.close());

  /** Waits until the pod has written down how it stands now. */
  async function saved(pod: string): Promise<void> {
    const forward = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${pod}`, 9091);
    const time = async (): Promise<unknown> => {
      const state: unknown = await (await fetch(`${forward.url}/debug/state`)).json();
      return (state as { stateSavedAt?: string }).stateSavedAt;
    };
    try {
      const before = await time();
      await waitFor('the state is written', time, (now) => now !== undefined && now !== before);
    } finally {
      forward.stop();
    }
  }

  async function kill(name: string): Promise<PodClient> {
    const [pod] = await sandbox.agents.pods(name);
    await saved(pod!.metadata.name);
    await killContainer(sandbox, pod!, 'agent');
    await waitFor<Pod[]>(
      'the container was restarted',
      () => sandbox.agents.pods(name),
      (list) => Object.values(restarts(list)).includes(1),
      { timeoutMs: 60_000 },
    );
    await sandbox.agents.waitForAgent(name);
    return way(name);
  }

  it('still knows that the provider asked to wait for an hour', async () => {
    const before = await way('sleeper');
    await model.control.setFault({ status: 429, retryAfter: HOUR, headers: NOTHING_LEFT });
    expect(outcome(await before.send())).toBe('429');
    await model.control.setFault(undefined);
    const after = await kill('sleeper');
    await model.control.resetRequests();
    const answer = await after.send();
    expect(outcome(answer)).toBe('429 RateLimited');
    const seconds = saidSeconds(answer);
    expect(seconds).toBeGreaterThan(MAX_WAIT - 120);
    expect(seconds).toBeLessThanOrEqual(MAX_WAIT + SPREAD);
    expect((await model.control.requests()).total).toBe(0);
    await waitFor(
      'status shows the gate',
      () => sandbox.agents.agent('sleeper'),
      ({ status }) => status?.dependencies?.[0]?.gate === 'RateLimited',
    );
  });

  it('does not refill an empty bucket', async () => {
    const before = await way('miser');
    await before.until('it is limited', (answer) => outcome(answer) === '429 RateLimited');
    const after = await kill('miser');
    expect(outcome(await after.send())).toBe('429 RateLimited');
  });
});
