import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import type { StartedRuntime } from '../testing/runtime.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';
import {
  HOST,
  NetworkScene,
  ONCE,
  PATIENT,
  asks,
  circuits,
  fine,
  lastFailure,
  untilAnswered,
} from '../testing/networkScene.ts';

const scene = new NetworkScene();
const { mount, trusting, clientCertificate, throughProxy, secure, start } = scene;
beforeAll(() => scene.makeAuthorities());
beforeEach(() => scene.begin());
afterEach(() => scene.cleanups.run());

interface PeerSocket {
  getPeerCertificate(): { subject: { CN: string } };
}

describe('private authorities', () => {
  it('are trusted in addition to those of the system', async () => {
    const system = getCACertificates('default');
    setDefaultCACertificates([...system, scene.authority.cert]);
    try {
      const endpoint = await secure(fine);
      const local = `https://localhost:${new URL(endpoint.url).port}`;
      const agent = await start(local, await trusting(scene.other));
      expect(await asks(agent)).toBe(200);
    } finally {
      setDefaultCACertificates(system);
    }
  });

  it('other than the one of the certificate are refused with what to configure, until the right one is mounted', async () => {
    const endpoint = await secure(fine);
    const trusted = await trusting(scene.other);
    const local = `https://localhost:${new URL(endpoint.url).port}`;
    const agent = await start(local, { ...ONCE, ...trusted, circuits: [PATIENT] });
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      expect.stringMatching(
        /^connection failed \([A-Z_]+\): no trusted authority has issued the certificate; add its authority to spec.trustedCA$/,
      ),
    ]);
    expect(endpoint.seen).toHaveLength(0);
    await trusting(scene.authority);
    await untilAnswered(agent, 200);
    // The old one is trusted no longer, also by connections that were kept.
    await trusting(scene.other);
    await untilAnswered(agent, 502);
  });

  it('that are missing or malformed are reported, and the last good ones stay in force', async () => {
    const endpoint = await secure(fine);
    const trusted = await trusting(scene.authority);
    const local = `https://localhost:${new URL(endpoint.url).port}`;
    const agent = await start(local, { ...ONCE, ...trusted });
    expect(agent.runtime.snapshot().missingConfigMaps).toEqual([]);
    await mount('ca.crt', 'no certificate');
    await until(() => agent.runtime.snapshot().missingConfigMaps!.length > 0);
    expect(agent.runtime.snapshot().missingConfigMaps).toEqual([
      { configMap: 'corporate-ca', key: 'ca.crt' },
    ]);
    expect(await asks(agent)).toBe(200);
  });
});

describe('an endpoint that requires a client certificate', () => {
  const strict = (): TlsOptions => ({
    ca: scene.authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });

  const agentWith = async (
    own: Partial<Endpoint>,
    content: Parts<Content> = {},
  ): Promise<StartedRuntime> =>
    start('', {
      ...ONCE,
      ...(await trusting(scene.authority)),
      ...(await throughProxy()),
      endpoints: [{ name: 'primary', provider: 'Anthropic', baseURL: `https://${HOST}`, ...own }],
      ...content,
    });

  it('gets it through the proxy, and a renewed one when that is mounted', async () => {
    const names: string[] = [];
    await secure(
      (response) => {
        const { subject } = (response.socket as unknown as PeerSocket).getPeerCertificate();
        names.push(subject.CN);
        answerJson(response, MESSAGE);
      },
      HOST,
      strict(),
    );
    const pair = await clientCertificate(await scene.authority.issue('first'));
    const agent = await agentWith({ clientCertificate: pair });
    expect(await asks(agent)).toBe(200);
    await clientCertificate(await scene.authority.issue('second'));
    await until(async () => (await asks(agent)) === 200 && names.includes('second'));
    expect(names[0]).toBe('first');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('says so when it gets none: %s', async (maxVersion) => {
    await secure(fine, HOST, { ...strict(), maxVersion });
    const agent = await agentWith({});
    expect(await asks(agent)).toBe(502);
    expect(lastFailure(agent)).toEqual([
      'Connection',
      expect.stringContaining('see tls.clientCertSecretRef of the endpoint'),
    ]);
  });

  it('is not reached with a certificate of another authority', async () => {
    const endpoint = await secure(fine, HOST, strict());
    const pair = await clientCertificate(await scene.other.issue('first'));
    const agent = await agentWith({ clientCertificate: pair });
    expect(await asks(agent)).toBe(502);
    expect([lastFailure(agent)[0], endpoint.seen.length]).toEqual(['Connection', 0]);
  });

  it('is passed over and reported while the Secret lacks it, or its key fits not', async () => {
    const endpoint = await secure(fine, HOST, strict());
    const { cert } = await scene.authority.issue('first');
    const { key } = await scene.authority.issue('second');
    const agent = await agentWith({ clientCertificate: await clientCertificate({ cert, key }) });
    const answer = await send(agent.url);
    expect([answer.status, answer.body.toString()]).toEqual([
      503,
      expect.stringContaining('Secret mine lacks tls.crt'),
    ]);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([
      { dependency: 'model/primary', secret: 'mine', key: 'tls.crt' },
    ]);
    expect([endpoint.seen.length, circuits(agent)]).toEqual([0, { 'model/primary': 'Closed' }]);
    await clientCertificate(await scene.authority.issue('third'));
    await untilAnswered(agent, 200);
    expect(agent.runtime.snapshot().missingCredentials).toEqual([]);
  });
});
