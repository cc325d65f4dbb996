import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { condition } from '../kit/conditions.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const OPEN = '503 CircuitBreakerOpen';

describe('a policy', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;

  const spec = { trip: { consecutiveFailures: 2 }, openDuration: '10m' };

  /** Replaces the policy of an agent by the same name and waits until all its pods enforce it. */
  async function policy(agent: string, changed: Record<string, unknown>): Promise<void> {
    await sandbox.apply(sandbox.breaker(agent, agent, { ...spec, ...changed }));
    await sandbox.agents.waitForBreaker(
      agent,
      'programmed',
      (one) =>
        one.status?.observedGeneration === one.metadata.generation &&
        condition(one, 'Programmed')?.status === 'True',
    );
  }

  const agent = (name: string, replicas = 1): Record<string, unknown> =>
    sandbox.agent({
      name,
      replicas,
      baseURL: model.baseURL,
      spec: { retry: { maxAttempts: 1 } },
    });

  async function breakCircuits(pods: readonly PodClient[]): Promise<void> {
    await model.control.setFault({ status: 500 });
    for (const each of pods) {
      await each.until('its circuit is open', (answer) => outcome(answer) === OPEN);
    }
    await model.control.setFault(undefined);
  }

  beforeAll(async () => {
    sandbox = await Sandbox.open('policy-changes');
    model = await sandbox.model('bridge', 9821);
    await sandbox.apply(agent('watchman'), agent('convoy'));
    await policy('watchman', {});
    await policy('convoy', { resetToken: '1' });
    await sandbox.agents.waitForAgent('watchman');
    await sandbox.agents.waitForAgent('convoy');
    pod = (await sandbox.ways('watchman'))[0]!;
  });

  beforeEach(() => model.control.setFault(undefined));

  afterAll(() => sandbox.close());

  it('closes circuits once for a resetToken, also in a pod that joins later', async () => {
    const [first] = await sandbox.ways('convoy');
    await breakCircuits([first!]);
    const handled = (token: string): Promise<unknown> =>
      sandbox.agents.waitForBreaker(
        'convoy',
        `token ${token} is handled`,
        ({ status }) => status?.lastHandledResetToken === token,
      );
    await policy('convoy', { resetToken: '2' });
    await handled('2');
    expect(outcome(await first!.send())).toBe('200');
    await sandbox.apply(agent('convoy', 2));
    await sandbox.agents.waitForAgent('convoy');
    const late = (await sandbox.ways('convoy')).find((way) => way.pod !== first!.pod)!;
    await breakCircuits([late]);
    // The same token closes nothing again, whatever else changes.
    await policy('convoy', { resetToken: '2', openDuration: '9m' });
    const seen = await sandbox.agents.waitForBreaker(
      'convoy',
      'Open in the late pod',
      ({ status }) => status?.pods?.total === 2 && status.pods.open === 1,
    );
    expect(seen.status?.lastHandledResetToken).toBe('2');
    expect(outcome(await late.send())).toBe(OPEN);
    const changes = seen.status?.transitions?.filter((each) => each.pod === late.pod);
    expect(changes?.map(({ to }) => to)).toEqual(['Open']);
    await policy('convoy', { resetToken: '3', openDuration: '9m' });
    await handled('3');
    expect(outcome(await late.send())).toBe('200');
  });

  it('admits calls gradually after a circuit has closed', async () => {
    const ramp = {
      openDuration: '1s',
      halfOpen: { maxProbes: 1, successThreshold: 1 },
      recovery: { rampUp: '20s' },
    };
    await policy('watchman', ramp);
    await breakCircuits([pod]);
    await pod.until('it is closed', ({ status }) => status === 200, { everyMs: 50 });
    await model.control.setFault({ firstTokenMs: 200 });
    const burst = async (): Promise<number> => {
      const sent = await Promise.all(Array.from({ length: 20 }, () => pod.send()));
      return sent.filter(({ status }) => status === 200).length;
    };
    const soon = await burst();
    expect(soon).toBeGreaterThanOrEqual(1);
    expect(soon).toBeLessThanOrEqual(8);
    await waitFor('all calls are let through', burst, (count) => count === 20, {
      timeoutMs: 30_000,
      everyMs: 500,
    });
  });
});
