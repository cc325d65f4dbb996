import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { FakeClock, settle } from '../testing/fakeClock.ts';
import { WorkQueue } from './workqueue.ts';

describe('WorkQueue', () => {
  const never = new AbortController().signal;
  let clock: FakeClock;
  let registry: Registry;
  let queue: WorkQueue;
  let random: number;

  beforeEach(() => {
    clock = new FakeClock();
    registry = new Registry();
    random = 0.5;
    queue = new WorkQueue({ name: 'test', registry, clock, random: () => random });
  });

  /** Takes all that can be taken now, and leaves it in work. */
  const drain = async (): Promise<string[]> => {
    const keys: string[] = [];
    while (queue.length > 0) keys.push((await queue.get(never))!);
    return keys;
  };

  it('holds each key once, in the order of arrival', async () => {
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(await drain()).toEqual(['a', 'b', 'c']);
  });

  it('offers a key that was added during its work only after `done`', async () => {
    queue.add('a');
    await drain();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('takes high priority first, and raises the priority of a waiting key', async () => {
    for (const key of ['old-1', 'old-2', 'old-3']) queue.add(key, { priority: 'low' });
    queue.add('new');
    queue.add('old-3', { priority: 'high' });
    queue.add('new', { priority: 'low' });
    expect(await drain()).toEqual(['new', 'old-3', 'old-1', 'old-2']);
  });

  it('gives each waiting worker one key, and ends the wait of others on abort', async () => {
    const stop = new AbortController();
    const taken = [1, 2, 3].map(() => queue.get(stop.signal));
    queue.add('a');
    queue.add('b');
    await settle();
    stop.abort();
    expect((await Promise.all(taken)).sort()).toEqual(['a', 'b', undefined]);
  });

  it('adds delayed keys when they fall due, the earliest of several for one key', async () => {
    queue.addAfter('a', 1_000);
    queue.addAfter('b', 300);
    queue.addAfter('a', 500);
    queue.addAfter('b', 800);
    await clock.advance(299);
    expect(await drain()).toEqual([]);
    await clock.advance(1);
    expect(await drain()).toEqual(['b']);
    await clock.advance(200);
    expect(await drain()).toEqual(['a']);
    queue.done('a');
    queue.done('b');
    await clock.advance(10_000);
    expect(queue.length).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('drops the former time of a key when an earlier one replaces it', async () => {
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 500);
    await clock.advance(500);
    queue.done((await drain())[0]!);
    queue.addAfter('a', 2_000);
    await clock.advance(1_999);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect(queue.length).toBe(1);
  });

  it('keeps the order of many delays', async () => {
    const delays = Array.from({ length: 200 }, (_, i) => 1 + ((i * 7919) % 997));
    delays.forEach((delay) => queue.addAfter(`${delay}`, delay));
    await clock.advance(1_000);
    const expected = [...new Set(delays)].sort((a, b) => a - b).map(String);
    expect(await drain()).toEqual(expected);
  });

  it('doubles the backoff of a key up to five minutes, with full jitter, until it is forgotten', async () => {
    const waits = async (): Promise<number> => {
      const before = clock.monotonic();
      queue.addRateLimited('a');
      while (queue.length === 0) await clock.advance(0.5);
      queue.done((await drain())[0]!);
      return clock.monotonic() - before;
    };
    expect([await waits(), await waits(), await waits()]).toEqual([2.5, 5, 10]);
    queue.forget('a');
    expect(await waits()).toBe(2.5);
    random = 0.999999;
    for (let i = 0; i < 40; i++) {
      queue.addRateLimited('b');
      await clock.advance(300_000);
      expect(await drain()).toEqual(['b']);
      queue.done('b');
    }
    random = 0;
    queue.addRateLimited('b');
    expect(queue.length).toBe(1);
  });

  it('retries with the priority of the work that failed', async () => {
    queue.add('old', { priority: 'low' });
    await drain();
    queue.addRateLimited('old');
    queue.done('old');
    await clock.advance(5);
    queue.add('new');
    expect(await drain()).toEqual(['new', 'old']);
  });

  it('keeps nothing while it is stopped, and starts empty', async () => {
    queue.add('working');
    queue.add('waiting');
    queue.addAfter('delayed', 100);
    await queue.get(never);
    queue.stop();
    queue.add('meanwhile');
    queue.addAfter('later', 100);
    queue.addRateLimited('working');
    await clock.advance(1_000);
    expect(queue.length).toBe(0);
    queue.start();
    await clock.advance(1_000);
    expect(queue.length).toBe(0);
    queue.add('waiting');
    queue.addAfter('delayed', 100);
    await clock.advance(100);
    expect(await drain()).toEqual(['waiting', 'delayed']);
  });

  it("has controller-runtime's metrics", async () => {
    queue.add('a');
    queue.add('b', { priority: 'low' });
    await clock.advance(2_000);
    await queue.get(never);
    await clock.advance(3_000);
    queue.addRateLimited('c');
    const text = await registry.metrics();
    const labels = 'name="test",controller="test"';
    expect(text).toContain(`workqueue_depth{${labels},priority="high"} 0`);
    expect(text).toContain(`workqueue_depth{${labels},priority="low"} 1`);
    expect(text).toContain(`workqueue_adds_total{${labels}} 2`);
    expect(text).toContain(`workqueue_retries_total{${labels}} 1`);
    expect(text).toContain(`workqueue_queue_duration_seconds_sum{${labels}} 2`);
    expect(text).toContain(`workqueue_unfinished_work_seconds{${labels}} 3`);
    expect(text).toContain(`workqueue_longest_running_processor_seconds{${labels}} 3`);
    queue.done('a');
    expect(await registry.metrics()).toContain(`workqueue_work_duration_seconds_sum{${labels}} 3`);
  });
});
