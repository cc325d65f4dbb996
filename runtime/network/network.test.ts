import { expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from '../testing/certificates.ts';
import { Network } from './network.ts';
import { proxyEnvironment } from './proxies.ts';

it('a change of proxies keeps the trusted authorities, and so the connection to Redis', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'trust-'));
  try {
    const path = join(directory, 'ca.crt');
    writeFileSync(path, (await testAuthority()).cert);
    const network = new Network({
      environment: proxyEnvironment({}),
      credentials: { read: () => undefined },
      connectMs: () => 2000,
      log: { info: () => undefined, warn: () => undefined },
    });
    const trustedCA = { path, configMap: 'corporate-ca', key: 'ca.crt' };
    network.apply({ endpoints: [], trustedCA });
    const before = network.settings;
    expect(before.secureContext).toBeDefined();
    network.look();
    expect(network.settings).toBe(before);
    network.apply({ endpoints: [], trustedCA, proxy: { http: 'http://proxy:1', noProxy: [] } });
    expect(network.settings.proxies.http?.name).toBe('proxy:1');
    expect(network.settings.secureContext).toBe(before.secureContext);
    writeFileSync(path, (await testAuthority('another')).cert);
    network.look();
    expect(network.settings.secureContext).not.toBe(before.secureContext);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
