import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { WorkQueue, type Reconcile } from '../kube/index.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { StatusLag } from './statusLag.ts';

const KIND = 'AgentDeployment';

describe('StatusLag', () => {
  let clock: FakeClock;
  let registry: Registry;
  let lag: StatusLag;
  let queue: WorkQueue;
  const { signal } = new AbortController();

  beforeEach(() => {
    clock = new FakeClock();
    registry = new Registry();
    lag = new StatusLag(registry, clock);
    queue = new WorkQueue({
      ...{ name: 'status', registry, clock },
      onAdd: (key) => lag.noticed(KIND, key),
    });
  });

  const writes: Reconcile = (key) => {
    lag.written(KIND, key);
    return Promise.resolve();
  };
  const reconcile = (how: Reconcile = writes): ReturnType<Reconcile> =>
    lag.measured(KIND, how)('ns/a', signal);

  async function seen(): Promise<{ count: number; seconds: number }> {
    const text = await registry.metrics();
    const value = (suffix: string): number =>
      Number(new RegExp(`^breakwater_status_lag_seconds_${suffix} (\\S+)`, 'm').exec(text)?.[1]);
    return { count: value('count'), seconds: value('sum') };
  }

  it('is the time from the first change to the write', async () => {
    queue.add('ns/a');
    clock.stall(2_000);
    queue.add('ns/a');
    clock.stall(1_000);
    await reconcile();
    expect(await seen()).toEqual({ count: 1, seconds: 3 });
  });

  it('is not measured for a change without a write', async () => {
    queue.add('ns/a');
    clock.stall(2_000);
    await reconcile(() => Promise.resolve());
    queue.add('ns/a');
    clock.stall(1_000);
    await reconcile();
    expect(await seen()).toEqual({ count: 1, seconds: 1 });
  });

  it('includes reconciles that failed', async () => {
    queue.add('ns/a');
    clock.stall(1_000);
    await reconcile(() => Promise.reject(new Error('conflict'))).catch(() => undefined);
    clock.stall(4_000);
    await reconcile();
    expect(await seen()).toEqual({ count: 1, seconds: 5 });
  });

  it('counts changes during a reconcile towards the next one', async () => {
    queue.add('ns/a');
    await reconcile((key, ...rest) => {
      clock.stall(1_000);
      queue.add(key);
      clock.stall(1_000);
      return writes(key, ...rest);
    });
    clock.stall(1_000);
    await reconcile();
    expect(await seen()).toEqual({ count: 2, seconds: 4 });
  });

  it('leaves out changes before the term of this process', async () => {
    queue.add('ns/a');
    clock.stall(60_000);
    lag.reset();
    await reconcile();
    expect((await seen()).count).toBe(0);
  });
});
