import { beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { MANAGED_BY } from '../desired/common/metadata.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { ApiError, type Resource } from '../kube/index.ts';
import { ServiceAccounts, type Own } from '../resources/resources.ts';
import type { ChildClient } from './childClient.ts';
import { ChildWriter, ForeignObjectError } from './children.ts';

const agent = agentFixture('triage');
const signal = new AbortController().signal;
const resource = ServiceAccounts as unknown as Resource<KubernetesObject, Own>;
const desired: Desired = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { namespace: 'support', name: 'triage', labels: { 'example.com/a': 'b' } },
};

/** An API server with room for one object. */
class OneObject {
  readonly calls: string[] = [];
  stored: KubernetesObject | undefined;

  get client(): ChildClient {
    return {
      get: () => this.#get(),
      apply: (_resource, object, { absent }) => this.#apply(object, absent),
      delete: () => Promise.reject(new Error('Nothing is deleted here')),
    } as ChildClient;
  }

  #get(): Promise<KubernetesObject | undefined> {
    this.calls.push('get');
    return Promise.resolve(this.stored);
  }

  #apply(object: KubernetesObject, absent = false): Promise<KubernetesObject> {
    this.calls.push(absent ? 'make' : 'apply');
    if (absent && this.stored) {
      return Promise.reject(
        new ApiError(409, 'the object has been modified', { reason: 'Conflict' }),
      );
    }
    this.stored = { ...object, metadata: { ...object.metadata, uid: 'uid-child' } };
    return Promise.resolve(this.stored);
  }
}

describe('ChildWriter', () => {
  let server: OneObject;
  let writer: ChildWriter;

  beforeEach(() => {
    server = new OneObject();
    writer = new ChildWriter(server.client);
  });

  const apply = (live?: KubernetesObject): Promise<KubernetesObject> =>
    writer.apply(agent, resource, desired, live, signal);

  it('makes a new object by one call', async () => {
    await apply();
    expect(server.calls).toEqual(['make']);
  });

  it('looks at an object that the cache has not before it changes anything in it', async () => {
    const labels = { 'app.kubernetes.io/managed-by': MANAGED_BY, 'breakwater.dev/agent': 'triage' };
    server.stored = { ...desired, metadata: { ...desired.metadata, labels } };
    await apply();
    expect(server.calls).toEqual(['make', 'get', 'apply']);
  });

  it('leaves an object of somebody else as it is', async () => {
    const theirs = { ...desired, metadata: { namespace: 'support', name: 'triage' } };
    server.stored = theirs;
    await expect(apply()).rejects.toThrow(ForeignObjectError);
    expect(server.calls).toEqual(['make', 'get']);
    expect(server.stored).toBe(theirs);
  });

  it('writes nothing while what the cache has is as it should be', async () => {
    const live = await apply();
    expect(await apply(live)).toBe(live);
    expect(server.calls).toEqual(['make']);
  });

  it('tells of other refusals, and changes nothing after them', async () => {
    const refusal = new ApiError(403, 'exceeded quota', { reason: 'Forbidden' });
    const client = { ...server.client, apply: () => Promise.reject(refusal) };
    writer = new ChildWriter(client);
    await expect(apply()).rejects.toBe(refusal);
    expect(server.calls).toEqual([]);
  });
});
