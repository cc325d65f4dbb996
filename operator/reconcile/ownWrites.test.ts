import { beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import { OwnWrites } from './ownWrites.ts';

const at = (resourceVersion: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', uid: 'uid', resourceVersion },
});

let writes: OwnWrites;
let acted: string[];

const observe = (version: string): void =>
  writes.unlessOurs(at(version), () => void acted.push(version));

beforeEach(() => {
  writes = new OwnWrites();
  acted = [];
});

describe('a watch event of an object', () => {
  it('is passed on if this process did not write the object', () => {
    observe('1');
    expect(acted).toEqual(['1']);
  });

  it('is dropped if it shows the version of our last write', async () => {
    await writes.track('uid', () => Promise.resolve(at('2')));
    observe('2');
    expect(acted).toEqual([]);
  });

  it('is passed on if it shows a version before or after our last write', async () => {
    await writes.track('uid', () => Promise.resolve(at('3')));
    for (const version of ['2', '3', '4']) observe(version);
    expect(acted).toEqual(['2', '4']);
  });

  it('waits for the end of a write that it may show', async () => {
    const answer = Promise.withResolvers<KubernetesObject>();
    const written = writes.track('uid', () => answer.promise);
    for (const version of ['2', '3']) observe(version);
    expect(acted).toEqual([]);
    answer.resolve(at('3'));
    await written;
    expect(acted).toEqual(['2']);
  });

  it('is passed on if the write failed', async () => {
    const answer = Promise.withResolvers<KubernetesObject>();
    const written = writes.track('uid', () => answer.promise);
    observe('3');
    answer.reject(new Error('refused'));
    await expect(written).rejects.toThrow('refused');
    expect(acted).toEqual(['3']);
    observe('4');
    expect(acted).toEqual(['3', '4']);
  });

  it('is passed on for a new object of the same name', async () => {
    await writes.track('uid', () => Promise.resolve(at('3')));
    writes.forget('uid');
    observe('3');
    expect(acted).toEqual(['3']);
  });
});
