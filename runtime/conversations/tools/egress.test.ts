import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { lookup } from 'node:dns';
import { request } from 'undici';
import type { Agent } from 'undici';
import { Network } from '../../network/network.ts';
import type { NetworkDeps } from '../../network/network.ts';
import { proxyEnvironment } from '../../network/proxies.ts';
import { TestProxy } from '../../testing/proxy.ts';
import { fakeEndpoint } from '../../testing/upstream.ts';
import { Egress } from './egress.ts';
import type { EgressDeps } from './egress.ts';
import { isPrivate } from './privateNetworks.ts';

const DEPS: NetworkDeps = {
  environment: proxyEnvironment({}),
  credentials: { read: () => undefined },
  connectMs: () => 2000,
  log: { info: () => undefined, warn: () => undefined },
};
const network = new Network(DEPS);
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const each of cleanups.splice(0)) await each();
});

/** A network whose requests with http all go through this proxy. */
function behind(proxy: TestProxy): Network {
  const environment = proxyEnvironment({ HTTP_PROXY: proxy.url() });
  return new Network({ ...DEPS, environment });
}

/** `addresses` of every host; behind a proxy a host without any is not known. */
function egress(
  bounds: ReturnType<EgressDeps['bounds']>,
  addresses: string[] = [],
  way = network,
): Egress {
  const fake = ((_host: string, _options: object, done: (...args: unknown[]) => void) => {
    if (way !== network && addresses.length === 0) return done(new Error('ENOTFOUND'));
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  }) as unknown as typeof lookup;
  const made = new Egress({ bounds: () => bounds, network: way, lookup: fake });
  cleanups.push(() => made.close());
  return made;
}

const via = (dispatcher: Agent, url: string): Promise<unknown> => request(url, { dispatcher });

describe('isPrivate', () => {
  it.each(['10.1.2.3', '127.0.0.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '224.0.0.1', '::1',
    '::', 'fd00::1', 'fe80::1%eth0', '::ffff:10.0.0.1', '64:ff9b::a00:1', '2002:a00:1::', 'nonsense'])('%s is', (address) => {
    expect(isPrivate(address)).toBe(true);
  }); // prettier-ignore
  it.each(['8.8.8.8', '172.32.0.1', '2606:4700::1111'])('%s is not', (address) => {
    expect(isPrivate(address)).toBe(false);
  });
});

describe('egress', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
  ])('refuses %s when it is not named', (url) => {
    expect(() => egress(undefined).to(new URL(url), false)).toThrow('private network');
  });

  it('refuses a host of which any address is private', async () => {
    const endpoint = await fakeEndpoint((response) => void response.end('reached'));
    cleanups.push(() => endpoint.close());
    const { port } = new URL(endpoint.url);
    const rebound = `http://rebound.example:${port}/`;
    const bound = egress(undefined, ['93.184.216.34', '127.0.0.1']);
    await expect(via(bound.to(new URL(rebound), false), rebound)).rejects.toThrow(
      'private network',
    );
    expect(endpoint.seen).toHaveLength(0);
  });

  it('calls a host that the spec names, at any address', async () => {
    const endpoint = await fakeEndpoint((response) => void response.end('reached'));
    cleanups.push(() => endpoint.close());
    await via(egress(undefined).to(new URL(endpoint.url), true), endpoint.url);
    expect(endpoint.seen).toHaveLength(1);
  });

  it('calls only allowed hosts, if any are listed', () => {
    const bound = egress({
      allowHosts: ['api.example.com', '*.example.org'],
      denyPrivateNetworks: true,
    });
    for (const host of ['api.example.com', 'a.b.example.org']) {
      expect(() => bound.to(new URL(`https://${host}/`), false)).not.toThrow();
    }
    for (const host of [
      'example.org',
      'evilexample.org',
      'x.api.example.com',
      'api.example.com.evil',
    ]) {
      expect(() => bound.to(new URL(`https://${host}/`), false)).toThrow('not allowed');
    }
  });
});

describe('egress through a proxy, which looks hosts up itself', () => {
  const PUBLIC = ['93.184.216.34'];
  const URL_OF = 'http://api.example.com/';
  let proxy: TestProxy;

  beforeEach(async () => {
    proxy = await new TestProxy().start();
    cleanups.push(() => proxy.stop());
    const endpoint = await fakeEndpoint((response) => void response.end('reached'));
    cleanups.push(() => endpoint.close());
    proxy.knows('api.example.com:80', endpoint.url);
  });

  const call = async (bound: Egress): Promise<string> => {
    const answer = await request(URL_OF, { dispatcher: bound.to(new URL(URL_OF), false) });
    return answer.body.text();
  };

  it('calls a host whose addresses, as the pod sees them, are public', async () => {
    expect(await call(egress(undefined, PUBLIC, behind(proxy)))).toBe('reached');
  });

  it('refuses a host of which any address, as the pod sees it, is private', async () => {
    const bound = egress(undefined, [...PUBLIC, '10.0.0.1'], behind(proxy));
    await expect(call(bound)).rejects.toThrow('private network');
    expect(proxy.seen).toEqual([]);
  });

  it('refuses a host that the pod cannot look up, unless its name is allowed', async () => {
    await expect(call(egress(undefined, [], behind(proxy)))).rejects.toThrow('allowHosts');
    expect(proxy.seen).toEqual([]);
    const bounds = { allowHosts: ['*.example.com'], denyPrivateNetworks: true };
    expect(await call(egress(bounds, [], behind(proxy)))).toBe('reached');
  });
});
