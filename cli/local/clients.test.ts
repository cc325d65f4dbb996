import { describe, expect, it } from '@jest/globals';
import type { Content } from '../../contract/generated/types.ts';
import { configuration } from '../../runtime/testing/configuration.ts';
import type { Keys } from '../manifests/inventory.ts';
import { localClients } from './clients.ts';

const KEPT: NonNullable<Content['auth']> = {
  type: 'APIKeys',
  apiKeys: { path: '/mounted/clients', secret: 'clients' },
};

function secret(texts: Partial<Keys>): Keys {
  const metadata = { name: 'clients', namespace: 'support' };
  return { apiVersion: 'v1', kind: 'Secret', metadata, ...texts };
}

function local(keys: Keys[]): { path: string; files: [string, string][]; missing: string[] } {
  const { content } = configuration('http://model', { auth: structuredClone(KEPT) });
  const where = { directory: '/here', namespace: 'support', keys };
  const made = localClients(content, where);
  return { path: content.auth!.apiKeys!.path, ...made };
}

describe('clients on this computer', () => {
  it('have the keys of the manifest, encoded or plain, in a directory of their own', () => {
    const data = { alice: Buffer.from('sesame').toString('base64') };
    const { path, files, missing } = local([secret({ data, stringData: { bob: 'open' } })]);
    expect(path).toMatch(/^\/here\/mounted\/clients\/[0-9a-f]{16}$/);
    expect(files.sort()).toEqual([
      [`${path}/alice`, 'sesame'],
      [`${path}/bob`, 'open'],
    ]);
    expect(missing).toEqual([]);
  });

  it('get other files when their keys change', () => {
    const paths = ['one', 'two', 'one'].map(
      (alice) => local([secret({ stringData: { alice } })]).path,
    );
    expect(paths[0]).toBe(paths[2]);
    expect(paths[0]).not.toBe(paths[1]);
  });

  it('have no file outside of that directory', () => {
    const { files } = local([secret({ stringData: { '../up': 'x', '..': 'x', 'a/b': 'x' } })]);
    expect(files).toEqual([]);
  });

  it('are reported as missing if there is no key', () => {
    expect(local([]).missing).toEqual([expect.stringContaining('Secret clients')]);
    expect(local([secret({})]).missing).toHaveLength(1);
  });

  it('do not exist without auth', () => {
    const { content } = configuration('http://model');
    expect(localClients(content, { directory: '/here', namespace: 'support', keys: [] })).toEqual({
      files: [],
      missing: [],
    });
  });
});
