import { beforeEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Controller } from './controller.ts';
import { ApiError } from './errors.ts';
import type { Reconcile } from './controller.ts';
import { FakeClock, settle } from '../testing/fakeClock.ts';

describe('Controller', () => {
  let clock: FakeClock;
  let registry: Registry;
  let stop: AbortController;
  let logs: Record<string, unknown>[];

  beforeEach(() => {
    clock = new FakeClock();
    registry = new Registry();
    stop = new AbortController();
    logs = [];
  });

  const make = (reconcile: Reconcile, concurrency = 2): Controller => {
    const write = (line: string): void => void logs.push(JSON.parse(line) as (typeof logs)[number]);
    const logger = pino({ base: null }, { write });
    const random = (): number => 0.999;
    const deadlineMs = 1_000;
    return new Controller({
      name: 'agent',
      reconcile,
      logger,
      registry,
      concurrency,
      deadlineMs,
      clock,
      random,
    });
  };
  const results = async (): Promise<string[]> => {
    const text = await registry.getSingleMetricAsString('controller_runtime_reconcile_total');
    return [...text.matchAll(/result="(\w+)"} ([1-9]\d*)/g)].map(
      ([, result, n]) => `${result} ${n}`,
    );
  };

  it('works on several keys at a time, but never twice on the same one', async () => {
    const open = new Map<string, () => void>();
    let most = 0;
    const controller = make((key) => {
      expect(open.has(key)).toBe(false);
      return new Promise((resolve) => {
        open.set(key, () => {
          open.delete(key);
          resolve();
        });
        most = Math.max(most, open.size);
      });
    });
    const done = controller.run(stop.signal);
    for (const key of ['ns/a', 'ns/b', 'ns/c']) controller.queue.add(key);
    await settle();
    controller.queue.add('ns/a');
    await settle();
    expect([...open.keys()]).toEqual(['ns/a', 'ns/b']);
    while (open.size > 0) {
      open.values().next().value!();
      await settle();
    }
    expect(most).toBe(2);
    stop.abort();
    await done;
    expect(await results()).toEqual(['success 4']);
  });

  it('retries a failure with backoff, names the key, and does not delay others', async () => {
    const seen: string[] = [];
    const controller = make((key) => {
      seen.push(key);
      if (key === 'ns/bad' && seen.length < 4) throw new Error('no luck');
      return Promise.resolve();
    });
    const done = controller.run(stop.signal);
    controller.queue.add('ns/bad');
    controller.queue.add('ns/good');
    await clock.advance(20);
    expect(seen).toEqual(['ns/bad', 'ns/good', 'ns/bad', 'ns/bad']);
    expect(await results()).toEqual(['success 2', 'error 2']);
    expect(logs[0]).toMatchObject({ controller: 'agent', namespace: 'ns', name: 'bad' });
    expect(logs[0]).toMatchObject({ error: 'no luck', msg: 'Reconcile failed' });
    expect(logs[0]!['reconcileID']).toMatch(/^[0-9a-f-]{36}$/);
    stop.abort();
    await done;
  });

  it('retries without an error when another writer has changed the object first', async () => {
    let runs = 0;
    const controller = make(() => {
      runs += 1;
      if (runs > 2) return Promise.resolve();
      return Promise.reject(new ApiError(409, 'modified', { reason: 'Conflict' }));
    });
    const done = controller.run(stop.signal);
    controller.queue.add('ns/a');
    await clock.advance(20);
    expect(runs).toBe(3);
    expect(await results()).toEqual(['success 1', 'requeue 2']);
    expect(logs).toEqual([]);
    stop.abort();
    await done;
  });

  it('requeues a key when its reconcile asks for it', async () => {
    const at: number[] = [];
    const controller = make(() => {
      at.push(clock.monotonic());
      return Promise.resolve(at.length === 1 ? { requeueAfterMs: 700 } : undefined);
    });
    const done = controller.run(stop.signal);
    controller.queue.add('ns/a');
    await clock.advance(5_000);
    expect(at).toEqual([0, 700]);
    expect(await results()).toEqual(['success 1', 'requeue_after 1']);
    stop.abort();
    await done;
  });

  it('aborts a reconcile at its deadline and retries it', async () => {
    let runs = 0;
    const controller = make((_key, signal) => {
      runs += 1;
      if (runs > 1) return Promise.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    const done = controller.run(stop.signal);
    controller.queue.add('ns/a');
    await clock.advance(999);
    expect(runs).toBe(1);
    await clock.advance(10);
    expect(runs).toBe(2);
    expect(await registry.metrics()).toContain(
      'controller_runtime_reconcile_timeouts_total{controller="agent"} 1',
    );
    stop.abort();
    await done;
  });

  it('lets other keys use the worker of a reconcile that ignores its deadline, and keeps the key', async () => {
    const seen: string[] = [];
    let finish = (): void => undefined;
    const controller = make((key) => {
      seen.push(key);
      if (seen.length > 1) return Promise.resolve();
      return new Promise((resolve) => (finish = resolve));
    }, 1);
    const done = controller.run(stop.signal);
    controller.queue.add('ns/stuck');
    controller.queue.add('ns/b');
    await settle();
    controller.queue.add('ns/stuck');
    await clock.advance(6_001);
    expect(seen).toEqual(['ns/stuck', 'ns/b']);
    finish();
    await clock.advance(10);
    expect(seen).toEqual(['ns/stuck', 'ns/b', 'ns/stuck']);
    stop.abort();
    await done;
  });

  it('stops, and repeats in its next run the reconciles that it cut', async () => {
    const seen: string[] = [];
    const controller = make((key, signal) => {
      seen.push(key);
      if (seen.length > 1) return Promise.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    const first = controller.run(stop.signal);
    controller.queue.add('ns/a');
    await settle();
    stop.abort();
    await first;
    expect(logs).toEqual([]);
    const again = new AbortController();
    const second = controller.run(again.signal);
    await settle();
    expect(seen).toEqual(['ns/a', 'ns/a']);
    again.abort();
    await second;
  });
});
