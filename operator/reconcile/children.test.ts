import { beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { MANAGED_BY } from '../desired/common/metadata.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { ApiError, type KubeClient, type Resource } from '../kube/index.ts';
import { ServiceAccounts, type Own } from '../resources/resources.ts';
import { ChildWriter, ContestedError, ForeignObjectError } from './children.ts';
import { Repairs, REPAIRS } from './repairs.ts';

const agent = agentFixture('triage');
const signal = new AbortController().signal;
const resource = ServiceAccounts as unknown as Resource<KubernetesObject, Own>;
const desired: Desired = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: {
    ...{ namespace: 'support', name: 'triage', labels: { 'example.com/a': 'b' } },
    ownerReferences: [
      {
        ...{ apiVersion: agent.apiVersion, kind: agent.kind, name: 'triage' },
        uid: agent.metadata.uid!,
        controller: true,
      },
    ],
  },
};

/** An API server with room for one object. */
class OneObject {
  readonly calls: string[] = [];
  stored: KubernetesObject | undefined;
  #version = 0;

  get client(): Pick<KubeClient, 'get' | 'apply' | 'delete'> {
    return {
      get: () => this.#get(),
      apply: (_resource, object, { absent }) => this.#apply(object, absent),
      delete: () => Promise.reject(new Error('Nothing is deleted here')),
    } as Pick<KubeClient, 'get' | 'apply' | 'delete'>;
  }

  #get(): Promise<KubernetesObject | undefined> {
    this.calls.push('get');
    return Promise.resolve(this.stored);
  }

  /** Another writer changes the object. */
  edit(labels: Record<string, string>): KubernetesObject {
    const { metadata } = this.stored!;
    this.#version += 1;
    const changed = { ...metadata, labels, resourceVersion: String(this.#version) };
    this.stored = { ...this.stored!, metadata: changed };
    return this.stored;
  }

  #apply(object: KubernetesObject, absent = false): Promise<KubernetesObject> {
    this.calls.push(absent ? 'make' : 'apply');
    if (absent && this.stored) {
      return Promise.reject(
        new ApiError(409, 'the object has been modified', { reason: 'Conflict' }),
      );
    }
    this.#version += 1;
    const resourceVersion = String(this.#version);
    this.stored = {
      ...object,
      metadata: { ...object.metadata, uid: 'uid-child', resourceVersion },
    };
    return Promise.resolve(this.stored);
  }
}

describe('ChildWriter', () => {
  let server: OneObject;
  let writer: ChildWriter;
  let now: number;
  let repairs: Repairs;

  beforeEach(() => {
    server = new OneObject();
    now = 0;
    repairs = new Repairs(() => now);
    writer = new ChildWriter(server.client, repairs);
  });

  const apply = (live?: KubernetesObject): Promise<KubernetesObject> =>
    writer.apply(agent, resource, desired, live, signal);

  it('creates an object by one call', async () => {
    await apply();
    expect(server.calls).toEqual(['make']);
  });

  it('reads an object that is not in the cache before it changes it', async () => {
    const labels = { 'app.kubernetes.io/managed-by': MANAGED_BY, 'breakwater.dev/agent': 'triage' };
    server.stored = { ...desired, metadata: { ...desired.metadata, labels } };
    await apply();
    expect(server.calls).toEqual(['make', 'get', 'apply']);
  });

  it('does not change an object with another owner', async () => {
    const theirs = { ...desired, metadata: { namespace: 'support', name: 'triage' } };
    server.stored = theirs;
    await expect(apply()).rejects.toThrow(ForeignObjectError);
    expect(server.calls).toEqual(['make', 'get']);
    expect(server.stored).toBe(theirs);
  });

  it('writes nothing while the object in the cache is up to date', async () => {
    const live = await apply();
    expect(await apply(live)).toBe(live);
    expect(server.calls).toEqual(['make']);
  });

  it('reports other refusals, and changes nothing after them', async () => {
    const refusal = new ApiError(403, 'exceeded quota', { reason: 'Forbidden' });
    const client = { ...server.client, apply: () => Promise.reject(refusal) };
    writer = new ChildWriter(client, repairs);
    await expect(apply()).rejects.toBe(refusal);
    expect(server.calls).toEqual([]);
  });

  const { prompt, calmMs } = REPAIRS;
  const { baseMs } = REPAIRS.delay;
  const contested = (): ReturnType<ChildWriter['contested']> => writer.contested(agent, desired);

  /** Another writer changes the object each time until it is contested. */
  async function fight(): Promise<void> {
    await apply();
    for (let time = 0; time < prompt; time++) {
      expect(contested()).toBeUndefined();
      await apply(server.edit({ 'example.com/a': 'theirs' }));
    }
  }

  it('puts an object back a few times at once, then says which fields are changed, and waits', async () => {
    await fight();
    expect(server.calls.slice(1)).toEqual(Array.from({ length: prompt }, () => 'apply'));
    expect(contested()).toEqual({
      fields: ['.metadata.labels.example.com/a'],
      lookAgainMs: baseMs,
    });
    const edited = server.edit({ 'example.com/a': 'theirs' });
    await expect(apply(edited)).rejects.toThrow(ContestedError);
    expect(server.stored).toBe(edited);
    now += baseMs;
    await apply(edited);
    expect(contested()).toMatchObject({ lookAgainMs: 2 * baseMs });
  });

  it('says which fields another writer removes', async () => {
    await apply();
    for (let time = 0; time < prompt; time++) {
      const live = server.edit({});
      await apply(live);
    }
    expect(contested()).toMatchObject({ fields: ['.metadata.labels.example.com/a'] });
  });

  it('waits before it makes an object again that is deleted again and again', async () => {
    await apply();
    for (let time = 0; time < prompt; time++) {
      server.stored = undefined;
      await apply();
    }
    expect(contested()).toMatchObject({ fields: [] });
    server.stored = undefined;
    await expect(apply()).rejects.toThrow(ContestedError);
  });

  it('backs off from another installation, which applies other contents under the same name', async () => {
    await apply();
    const other = new ChildWriter(server.client, new Repairs(() => now));
    const theirs: Desired = { ...desired, automountServiceAccountToken: true } as Desired;
    for (let time = 0; time < prompt; time++)
      await apply(await other.apply(agent, resource, theirs, server.stored, signal));
    expect(contested()).toMatchObject({ lookAgainMs: baseMs });
  });

  it('writes a new spec at once, also while the object is contested', async () => {
    await fight();
    const live = server.edit({ 'example.com/a': 'theirs' });
    const next = {
      ...desired,
      metadata: { ...desired.metadata, labels: { 'example.com/a': 'c' } },
    };
    await writer.apply(agent, resource, next, live, signal);
    expect(server.stored!.metadata.labels).toEqual({ 'example.com/a': 'c' });
  });

  it('ends the contest when the object stays as it is', async () => {
    await fight();
    now += baseMs;
    await apply(server.stored);
    expect(contested()?.lookAgainMs).toBe(calmMs + 1);
    now += contested()!.lookAgainMs;
    expect(contested()).toBeUndefined();
    await apply(server.edit({ 'example.com/a': 'theirs' }));
    expect(server.calls.at(-1)).toBe('apply');
  });

  it('contests nothing by edits of the spec in quick succession over a cache that lags behind', async () => {
    const stale = await apply();
    for (let edit = 0; edit < 3 * prompt; edit++) {
      const labels = { 'example.com/a': String(edit) };
      const next = { ...desired, metadata: { ...desired.metadata, labels } };
      await writer.apply(agent, resource, next, stale, signal);
    }
    expect(contested()).toBeUndefined();
  });

  it('contests nothing by reconciles before the cache shows a new object', async () => {
    for (let time = 0; time < 3 * prompt; time++) await apply();
    expect(contested()).toBeUndefined();
  });

  it('contests nothing of an agent that is made again and again', async () => {
    for (let time = 0; time < 3 * prompt; time++) {
      server.stored = undefined;
      const again = { ...agent, metadata: { ...agent.metadata, uid: `uid-${time}` } };
      await writer.apply(again, resource, desired, undefined, signal);
      expect(writer.contested(again, desired)).toBeUndefined();
    }
  });

  it('forgets old writes', async () => {
    await apply();
    now += calmMs + 1;
    server.stored = undefined;
    for (let time = 1; time < prompt; time++) {
      await apply();
      server.stored = undefined;
    }
    await apply();
    expect(contested()).toBeUndefined();
  });
});
