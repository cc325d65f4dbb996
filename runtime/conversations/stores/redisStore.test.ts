import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { FakeClock } from '../../testing/fakeClock.ts';
import { RealRedis } from '../../testing/redis.ts';
import { Cleanups } from '../../testing/setup.ts';
import { until } from '../../testing/until.ts';
import { RedisStore } from './redisStore.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

interface Pod {
  store: RedisStore;
  clock: FakeClock;
  ended: string[];
  /** Whether the pod dies before it has recorded an end. */
  dies: boolean;
}

class Scene {
  readonly #redis: RealRedis;
  idleTimeoutMs = 50;
  isAudited = true;

  private constructor(redis: RealRedis) {
    this.#redis = redis;
  }

  static async start(): Promise<Scene> {
    const redis = await RealRedis.start();
    cleanups.add(() => redis.stop());
    return new Scene(redis);
  }

  pod(): Pod {
    const clock = new FakeClock();
    const pod = { clock, ended: [] as string[], dies: false };
    const store = new RedisStore({
      ...{
        url: this.#redis.url,
        password: () => undefined,
        prefix: 'test:',
        timeoutMs: () => 5000,
      },
      ...{ clock, log: pino({ level: 'silent' }) },
      idleTimeoutMs: () => this.idleTimeoutMs,
      tellsExpired: () => this.isAudited,
      onExpired: (id) => {
        if (pod.dies) return new Promise(() => undefined);
        pod.ended.push(id);
        return Promise.resolve();
      },
    });
    cleanups.add(() => store.close());
    return Object.assign(pod, { store });
  }

  /** Resolves when Redis keeps no conversation any more. */
  forgotten(): Promise<void> {
    return until(async () => !(await this.#redis.keys()).some((key) => key.includes('{conv_')));
  }

  keys(): Promise<string[]> {
    return this.#redis.keys();
  }

  /** When the entry of a conversation is due. */
  dueAt(id: string): Promise<number> {
    return this.#redis.score('test:ends', id);
  }
}

/** Has the pods look for ended conversations at once, when their time is surely over. */
async function search(pods: readonly Pod[]): Promise<string[]> {
  for (const { clock } of pods) clock.advance(1000);
  await Promise.all(pods.map(({ store }) => store.searchEnded()));
  return pods.flatMap(({ ended }) => ended).sort();
}

describe('conversations that expire in Redis', () => {
  it('are recorded once by all pods together, whichever pod began them', async () => {
    const scene = await Scene.start();
    const pods = [scene.pod(), scene.pod(), scene.pod()];
    const ids: string[] = [];
    for (let i = 0; i < 240; i += 1) {
      const principal = i % 2 === 0 ? '' : 'key alice';
      ids.push((await pods[i % 3]!.store.create([], principal)).id);
    }
    await scene.forgotten();
    // One pod is gone for good.
    await pods[0]!.store.close();
    expect(await search(pods.slice(1))).toEqual(ids.sort());
    expect(await search(pods.slice(1))).toHaveLength(240);
    expect(await scene.keys()).toEqual([]);
  });

  it('are recorded by another pod when one dies before it has recorded them', async () => {
    const scene = await Scene.start();
    const [first, second] = [scene.pod(), scene.pod()];
    const { id } = await first.store.create([], '');
    await scene.forgotten();
    first.dies = true;
    for (const { clock } of [first, second]) clock.advance(1000);
    void first.store.searchEnded();
    // While the first may still be at it, nobody else tells.
    await until(async () => (await scene.dueAt(id)) > 1000 + second.clock.date().getTime());
    await second.store.searchEnded();
    expect(second.ended).toEqual([]);
    second.clock.advance(30_000);
    await until(async () => (await scene.keys()).length === 0);
    expect([first.ended, second.ended]).toEqual([[], [id]]);
  });

  it('do not include erased ones, ones in use, and ones that never existed', async () => {
    const scene = await Scene.start();
    scene.idleTimeoutMs = 60_000;
    const pods = [scene.pod(), scene.pod()];
    const [{ store }, other] = pods as [Pod, Pod];
    const erased = await store.create([], '');
    const used = await store.create([], '');
    await other.store.remove({ id: erased.id, principal: '' });
    expect(await store.take({ id: 'conv_guessed', principal: '' })).toEqual({
      absence: 'NotFound',
    });
    expect(await store.remove({ id: used.id, principal: 'key mallory' })).toBe('NotFound');
    for (const { clock } of pods) clock.advance(120_000);
    expect(await search(pods)).toEqual([]);
    // It stays noted, and its end is told when it comes.
    scene.idleTimeoutMs = 50;
    const taken = await other.store.take({ id: used.id, principal: '' });
    if (!('lease' in taken)) throw new Error('it is gone');
    await taken.lease.release([{ role: 'user', content: 'Hi' }]);
    await scene.forgotten();
    for (const { clock } of pods) clock.advance(120_000);
    expect(await search(pods)).toEqual([used.id]);
  });

  it('are recorded only while the audit is on, from the first turn after that', async () => {
    const scene = await Scene.start();
    scene.isAudited = false;
    scene.idleTimeoutMs = 60_000;
    const pod = scene.pod();
    const { id } = await pod.store.create([], '');
    expect(await scene.keys()).toHaveLength(1);
    scene.isAudited = true;
    const taken = await pod.store.take({ id, principal: '' });
    if (!('lease' in taken)) throw new Error('it is gone');
    scene.idleTimeoutMs = 50;
    await taken.lease.release([]);
    await scene.forgotten();
    pod.clock.advance(120_000);
    expect(await search([pod])).toEqual([id]);
  });

  it('are searched for every ten seconds', async () => {
    const scene = await Scene.start();
    const pod = scene.pod();
    const { id } = await pod.store.create([], '');
    await scene.forgotten();
    pod.clock.advance(10_000);
    await until(() => pod.ended.length > 0);
    expect(pod.ended).toEqual([id]);
  });
});
