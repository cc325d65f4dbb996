import { beforeEach, describe, expect, it } from '@jest/globals';
import { ApiError, type KubeClient, type KubernetesObject } from '../kube/index.ts';
import { CircuitBreakerPolicies } from '../resources/resources.ts';
import { Repairs, REPAIRS } from './repairs.ts';
import { FigureRefreshes } from './figureRefreshes.ts';
import { StatusWriter, type StatusObject } from './statusWriter.ts';

interface Status {
  state: string;
  used?: number;
}
type Policy = StatusObject<Status>;

const { signal } = new AbortController();
const { prompt, calmMs } = REPAIRS;
const { baseMs, maxMs } = REPAIRS.delay;

const OPEN = { state: 'Open' };
const CLOSED = { state: 'Closed' };

const at = (resourceVersion: string, status?: Status): Policy => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: { namespace: 'ns', name: 'triage', uid: 'u', resourceVersion },
  ...(status !== undefined && { status }),
});

let nowMs = 0;

const writerTo = (client: Pick<KubeClient, 'replaceStatus'>): StatusWriter<Status, Policy> =>
  new StatusWriter<Status, Policy>({
    ...{ client, fieldManager: 'breakwater:east/east', resource: CircuitBreakerPolicies as never },
    refreshes: new FigureRefreshes(),
    repairs: new Repairs(() => nowMs),
  });

it('the writer starts from the cache when the server has lost its last write, as after a restore', async () => {
  let current = '100';
  const client = {
    replaceStatus: (_resource: unknown, { metadata }: KubernetesObject) => {
      if (metadata.resourceVersion !== current) throw new ApiError(409, 'it has been modified');
      current = String(Number(current) + 1);
      return Promise.resolve({ metadata: { ...metadata, resourceVersion: current } });
    },
  } as unknown as Pick<KubeClient, 'replaceStatus'>;
  const writer = writerTo(client);
  await writer.write(at('100'), OPEN, 0, signal);
  expect(writer.newest(at('100')).metadata.resourceVersion).toBe('101');

  current = '42';
  const restored = at('42');
  const write = (): Promise<{ written: boolean }> =>
    writer.write(writer.newest(restored), OPEN, 0, signal);
  await expect(write()).rejects.toThrow('it has been modified');
  expect(await write()).toEqual({ written: true });
});

it('goes on from its last write while the cache does not have it yet', async () => {
  const client = {
    replaceStatus: (_resource: unknown, object: KubernetesObject) =>
      Promise.resolve({ ...object, metadata: { ...object.metadata, resourceVersion: '101' } }),
  } as unknown as Pick<KubeClient, 'replaceStatus'>;
  const writer = writerTo(client);
  await writer.write(at('100', CLOSED), OPEN, 0, signal);
  expect(writer.newest(at('100', CLOSED))).toEqual(at('101', OPEN));
  const later = at('102', CLOSED);
  expect(writer.newest(later)).toBe(later);
});

it('a state that a pod changes again and again is written at most once a second after a while', async () => {
  let writes = 0;
  const client = {
    replaceStatus: (_resource: unknown, object: KubernetesObject) =>
      Promise.resolve({
        ...object,
        metadata: { ...object.metadata, resourceVersion: `${(writes += 1)}` },
      }),
  } as unknown as Pick<KubeClient, 'replaceStatus'>;
  const writer = writerTo(client);
  let last = {};
  for (let now = 0; now < 60_000; now += 30)
    last = await writer.write(at('1', { state: `${now}` }), { state: `${now + 1}` }, now, signal);
  expect(writes).toBeLessThanOrEqual(121);
  expect(last).toEqual({ written: false, retryAfterMs: expect.any(Number) });
});

describe('figures', () => {
  let server: Server;
  let writer: StatusWriter<Status, Policy>;
  const write = (
    state: string,
    used: number,
  ): Promise<{ written: boolean; retryAfterMs?: number }> =>
    writer.write(writer.newest(server.stored), { state, used }, nowMs, signal);

  beforeEach(async () => {
    nowMs = 0;
    server = new Server();
    writer = writerTo(server.client);
    await write('Flowing', 0);
  });

  it('that change all the time are written once in five minutes', async () => {
    for (nowMs = 0; nowMs < 1_500_000; nowMs += 1_000) await write('Flowing', nowMs);
    expect(server.writes).toBe(1 + 5);
  });

  it('are written with a change of state, which does not wait', async () => {
    expect(await write('Flowing', 7)).toEqual({ written: false, retryAfterMs: expect.any(Number) });
    expect(await write('Limiting', 8)).toEqual({ written: true });
    expect(server.stored.status).toEqual({ state: 'Limiting', used: 8 });
    expect(await write('Limiting', 8)).toEqual({ written: false });
  });

  it('that changed for the last time are written at the time that the writer names', async () => {
    const { retryAfterMs } = await write('Flowing', 7);
    expect(retryAfterMs).toBeLessThanOrEqual(300_000);
    nowMs += retryAfterMs!;
    expect(await write('Flowing', 7)).toEqual({ written: true });
    nowMs += 3_600_000;
    expect(await write('Flowing', 7)).toEqual({ written: false });
  });
});

/** Stores one object, as the API server does. */
class Server {
  stored = at('1');
  writes = 0;
  /** Whether the answers to writes are lost. */
  mute = false;
  readonly client = {
    replaceStatus: (_: unknown, { status }: Policy) => {
      this.writes += 1;
      this.stored = at(String(1 + this.writes), status);
      return this.mute ? Promise.reject(new Error('socket hang up')) : Promise.resolve(this.stored);
    },
  } as unknown as Pick<KubeClient, 'replaceStatus'>;
}

describe('a status that', () => {
  let server: Server;
  let ours: StatusWriter<Status, Policy>;

  beforeEach(() => {
    nowMs = 0;
    server = new Server();
    ours = writerTo(server.client);
  });

  const write = (
    state: string,
    writer = ours,
  ): Promise<{ written: boolean; retryAfterMs?: number }> =>
    writer.write(writer.newest(server.stored), { state }, nowMs, signal);

  /** Two installations write in turn, each of them soon after the other. */
  async function fight(theirs: StatusWriter<Status, Policy>): Promise<void> {
    for (let turn = 0; turn < 5 * prompt; turn += 1) {
      await write('theirs', theirs);
      await write('ours');
      nowMs += 10;
    }
  }

  it('another installation writes too is contested by both, which write it less and less often', async () => {
    const theirs = writerTo(server.client);
    await fight(theirs);
    expect(server.writes).toBeLessThanOrEqual(2 * (prompt + 1));
    const [we, they] = [ours, theirs].map((writer) => writer.contestOf(server.stored));
    expect(we).toMatchObject({ kind: 'CircuitBreakerPolicy', fields: ['.status'] });
    expect(they).toMatchObject({ fields: ['.status'] });
    const before = server.writes;
    for (let seconds = 0; seconds < 3_600; seconds += 1) {
      nowMs += 1_000;
      await write('theirs', theirs);
      await write('ours');
    }
    const [most, least] = [2 * (3_600_000 / maxMs + 10), 3_600_000 / maxMs];
    expect(server.writes - before).toBeLessThan(most);
    expect(server.writes - before).toBeGreaterThan(least);
  });

  it('was contested is no longer so a minute after the other writer has stopped, whatever is written meanwhile', async () => {
    await fight(writerTo(server.client));
    nowMs += baseMs;
    await write('ours');
    nowMs += baseMs;
    for (let passed = 0; passed <= calmMs; passed += 5_000) {
      expect(await write(`ours after ${passed}`)).toEqual({ written: true });
      nowMs += 5_000;
    }
    expect(ours.contestOf(server.stored)).toBeUndefined();
  });

  it('this installation alone writes is not contested, however often it changes', async () => {
    for (let time = 0; time < 10 * prompt; time += 1) {
      expect(await write(`status ${time}`)).toEqual({ written: true });
      nowMs += 10;
    }
    expect(ours.contestOf(server.stored)).toBeUndefined();
  });

  it('is written over a cache that lags behind is not contested', async () => {
    const lagging = server.stored;
    for (let time = 0; time < 10 * prompt; time += 1) {
      await ours.write(ours.newest(lagging), { state: `status ${time}` }, nowMs, signal);
      nowMs += 10;
    }
    expect(server.writes).toBe(10 * prompt);
    expect(ours.contestOf(server.stored)).toBeUndefined();
  });

  it('this installation wrote without hearing the answer is not contested', async () => {
    for (let time = 0; time < 10 * prompt; time += 1) {
      server.mute = time % 2 === 1;
      const writing = write(`status ${time}`);
      if (server.mute) await expect(writing).rejects.toThrow('socket hang up');
      else expect(await writing).toEqual({ written: true });
      nowMs += 10;
    }
    expect(ours.contestOf(server.stored)).toBeUndefined();
  });

  it('each leader of one installation writes in turn is not contested', async () => {
    for (let term = 0; term < 10 * prompt; term += 1) {
      const leader = writerTo(server.client);
      for (let time = 0; time < 3; time += 1) await write(`status ${time} of ${term}`, leader);
      expect(leader.contestOf(server.stored)).toBeUndefined();
      nowMs += 10;
    }
  });
});
