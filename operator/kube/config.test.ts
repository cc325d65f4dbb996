import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadClusterConfig } from './config.ts';
import { FakeClock } from '../testing/fakeClock.ts';

describe('loadClusterConfig', () => {
  let dir: string;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'kube-config-'));
  });

  afterEach(() => rm(dir, { recursive: true }));

  const put = (file: string, text: string): Promise<void> => writeFile(join(dir, file), text);
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };

  it('reads the service account, again after a minute, and at once on request', async () => {
    await Promise.all([put('ca.crt', 'CA'), put('token', 'one\n'), put('namespace', 'ns')]);
    const clock = new FakeClock();
    const config = await loadClusterConfig({ env, serviceAccountDir: dir, clock });
    expect(config).toMatchObject({ server: 'https://[fd00::1]:6443', namespace: 'ns' });
    const token = async (refresh?: boolean): Promise<string | undefined> =>
      (await config.credentials(refresh)).headers['authorization'];
    await put('token', 'two');
    expect(await token()).toBe('Bearer one');
    await clock.advance(60_000);
    expect(await token()).toBe('Bearer two');
    await put('token', 'three');
    expect(await token(true)).toBe('Bearer three');
    await rm(join(dir, 'token'));
    expect(await token(true)).toBe('Bearer three');
    expect((await config.credentials()).tls).toEqual({ ca: 'CA' });
  });

  it('reads a kubeconfig with its context, certificate and token', async () => {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    await put(
      'config',
      JSON.stringify({
        'current-context': 'one',
        contexts: [
          { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'team' } },
          { name: 'two', context: { cluster: 'c', user: 'v' } },
        ],
        clusters: [
          {
            name: 'c',
            cluster: { server: 'https://host:1/', 'certificate-authority-data': base64('CA') },
          },
        ],
        users: [
          {
            name: 'u',
            user: {
              'client-certificate-data': base64('CERT'),
              'client-key-data': base64('KEY'),
            },
          },
          { name: 'v', user: { token: 'secret' } },
        ],
      }),
    );
    const one = await loadClusterConfig({ env: { KUBECONFIG: join(dir, 'config') } });
    expect(one).toMatchObject({ server: 'https://host:1', namespace: 'team' });
    expect((await one.credentials()).tls).toMatchObject({ ca: 'CA', cert: 'CERT', key: 'KEY' });
    const two = await loadClusterConfig({
      env: {},
      kubeconfig: join(dir, 'config'),
      context: 'two',
    });
    expect(two.namespace).toBe('default');
    expect((await two.credentials()).headers).toEqual({ Authorization: 'Bearer secret' });
  });

  it('says what to do without a cluster', async () => {
    await expect(loadClusterConfig({ env: {} })).rejects.toThrow(/set KUBECONFIG/);
    const missing = join(dir, 'missing');
    await expect(loadClusterConfig({ env: { KUBECONFIG: missing } })).rejects.toThrow(missing);
    await expect(loadClusterConfig({ env, serviceAccountDir: dir })).rejects.toThrow(
      /ServiceAccount. Check that automountServiceAccountToken is not false/,
    );
  });
});
