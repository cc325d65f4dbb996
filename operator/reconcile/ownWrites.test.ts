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

const hear = (version: string): void => writes.heard(at(version), () => void acted.push(version));

beforeEach(() => {
  writes = new OwnWrites();
  acted = [];
});

describe('what a watch says of an object', () => {
  it('is news when nobody here wrote it', () => {
    hear('1');
    expect(acted).toEqual(['1']);
  });

  it('is no news when it is what the write made of it', async () => {
    await writes.during('uid', () => Promise.resolve(at('2')));
    hear('2');
    expect(acted).toEqual([]);
  });

  it('is news before and after that version', async () => {
    await writes.during('uid', () => Promise.resolve(at('3')));
    for (const version of ['2', '3', '4']) hear(version);
    expect(acted).toEqual(['2', '4']);
  });

  it('is decided on when the write has ended that it may be of', async () => {
    const answer = Promise.withResolvers<KubernetesObject>();
    const written = writes.during('uid', () => answer.promise);
    for (const version of ['2', '3']) hear(version);
    expect(acted).toEqual([]);
    answer.resolve(at('3'));
    await written;
    expect(acted).toEqual(['2']);
  });

  it('is news when the write failed', async () => {
    const answer = Promise.withResolvers<KubernetesObject>();
    const written = writes.during('uid', () => answer.promise);
    hear('3');
    answer.reject(new Error('refused'));
    await expect(written).rejects.toThrow('refused');
    expect(acted).toEqual(['3']);
    hear('4');
    expect(acted).toEqual(['3', '4']);
  });

  it('is news again for another object of the name', async () => {
    await writes.during('uid', () => Promise.resolve(at('3')));
    writes.forget('uid');
    hear('3');
    expect(acted).toEqual(['3']);
  });
});
