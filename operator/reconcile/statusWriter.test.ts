import { expect, it } from '@jest/globals';
import { ApiError, type KubernetesObject } from '../kube/index.ts';
import { CircuitBreakerPolicies } from '../resources/resources.ts';
import { WriteBudget } from './writeBudget.ts';
import { StatusWriter, type StatusClient, type StatusObject } from './statusWriter.ts';

type Policy = StatusObject<string>;

const { signal } = new AbortController();
const at = (resourceVersion: string, status?: string): Policy => ({
  apiVersion: 'breakwater.dev/v1alpha1',
  kind: 'CircuitBreakerPolicy',
  metadata: { namespace: 'ns', name: 'triage', uid: 'u', resourceVersion },
  ...(status !== undefined && { status }),
});

it('the writer starts from the cache when the server has lost its last write, as after a restore', async () => {
  let current = '100';
  const client = {
    replaceStatus: (_resource: unknown, { metadata }: KubernetesObject) => {
      if (metadata.resourceVersion !== current) throw new ApiError(409, 'it has been modified');
      current = String(Number(current) + 1);
      return Promise.resolve({ metadata: { ...metadata, resourceVersion: current } });
    },
  } as unknown as StatusClient;
  const resource = CircuitBreakerPolicies as never;
  const writer = new StatusWriter<string, Policy>(client, resource, new WriteBudget(), () => 'Now');
  await writer.write(at('100'), 'Open', 0, signal);
  expect(writer.newest(at('100')).metadata.resourceVersion).toBe('101');

  current = '42';
  const restored = at('42');
  const write = (): Promise<{ written: boolean }> =>
    writer.write(writer.newest(restored), 'Open', 0, signal);
  await expect(write()).rejects.toThrow('it has been modified');
  expect(await write()).toEqual({ written: true });
});

it('goes on from its last write while the cache does not have it yet', async () => {
  const client = {
    replaceStatus: (_resource: unknown, object: KubernetesObject) =>
      Promise.resolve({ ...object, metadata: { ...object.metadata, resourceVersion: '101' } }),
  } as unknown as StatusClient;
  const resource = CircuitBreakerPolicies as never;
  const writer = new StatusWriter<string, Policy>(client, resource, new WriteBudget(), () => 'Now');
  await writer.write(at('100', 'Closed'), 'Open', 0, signal);
  expect(writer.newest(at('100', 'Closed'))).toEqual(at('101', 'Open'));
  const later = at('102', 'Closed');
  expect(writer.newest(later)).toBe(later);
});
