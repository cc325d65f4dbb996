import { describe, expect, it } from '@jest/globals';
import { basicAuthorization, proxyEnvironment, proxyFor } from './proxies.ts';

const HTTPS = { protocol: 'https:', hostname: 'api.example.com', port: '' };
const HTTP = { ...HTTPS, protocol: 'http:' };

describe('the variables for proxies', () => {
  it('name one proxy for https and another for http', () => {
    const { proxies } = proxyEnvironment({ HTTPS_PROXY: 'http://a.example:3128' });
    expect([proxyFor(proxies, HTTPS)?.name, proxyFor(proxies, HTTP)]).toEqual([
      'a.example:3128',
      undefined,
    ]);
    const plain = proxyEnvironment({ http_proxy: 'https://b.example' }).proxies;
    expect([proxyFor(plain, HTTP), proxyFor(plain, HTTPS)]).toMatchObject([
      { name: 'b.example:443', protocol: 'https:' },
      undefined,
    ]);
  });

  it('in lower case take precedence, and empty ones do not count', () => {
    const env = { https_proxy: 'http://small.example', HTTPS_PROXY: 'http://large.example' };
    expect(proxyFor(proxyEnvironment(env).proxies, HTTPS)?.name).toBe('small.example:80');
    const empty = { ...env, https_proxy: '' };
    expect(proxyFor(proxyEnvironment(empty).proxies, HTTPS)?.name).toBe('large.example:80');
  });

  it('may leave http:// out, and hold credentials', () => {
    const { proxies } = proxyEnvironment({ HTTPS_PROXY: 'me:a%20b@proxy.example:8080' });
    expect(proxyFor(proxies, HTTPS)).toEqual({
      ...{ protocol: 'http:', hostname: 'proxy.example', port: 8080 },
      name: 'proxy.example:8080',
      authorization: basicAuthorization('me', 'a b'),
    });
  });

  it('that name no HTTP proxy are reported without their values', () => {
    const env = { HTTPS_PROXY: 'socks5://me:secret@proxy', HTTP_PROXY: 'http://[' };
    const { unusable, proxies } = proxyEnvironment(env);
    expect(unusable.sort()).toEqual(['HTTPS_PROXY', 'HTTP_PROXY']);
    expect(proxyFor(proxies, HTTPS)).toBeUndefined();
  });

  it('separate exceptions by commas or white space', () => {
    const env = { HTTPS_PROXY: 'http://proxy', NO_PROXY: 'a.example, example.com\tb.example' };
    expect(proxyFor(proxyEnvironment(env).proxies, HTTPS)).toBeUndefined();
  });
});
