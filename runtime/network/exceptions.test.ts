import { describe, expect, it } from '@jest/globals';
import { exceptions } from './exceptions.ts';

const isDirect = (url: string, ...entries: string[]): boolean => {
  const { protocol, hostname, port } = new URL(url);
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return exceptions(entries)({ host: hostname, port: number });
};

describe('exceptions', () => {
  it.each([
    ['https://corp.example', 'corp.example'],
    ['https://api.corp.example', 'corp.example'],
    ['https://API.corp.example.', ' Corp.Example. '],
    ['https://api.corp.example', '.corp.example'],
    ['https://api.corp.example', '*.corp.example'],
    ['https://api.corp.example', 'corp.example:443'],
    ['http://api.corp.example:8080', 'corp.example:8080'],
    ['https://anything.example', '*'],
    ['http://anything.example', '*:80'],
    ['https://192.0.2.7', '192.0.2.7'],
    ['https://192.0.2.7', '192.0.2.0/24'],
    ['https://[2001:db8::7]', '2001:db8::/32'],
    ['https://[2001:db8::7]', '2001:db8::7'],
    ['https://[2001:db8::7]:8443', '[2001:db8::7]:8443'],
    ['https://192.0.2.7:8443', '192.0.2.7:8443'],
  ])('%s is called directly with %s', (url, entry) => {
    expect(isDirect(url, 'x.example', entry)).toBe(true);
    expect(isDirect(url, 'x.example')).toBe(false);
  });

  it.each([
    ['https://corp.example', '.corp.example'],
    ['https://corp.example', '*.corp.example'],
    ['https://notcorp.example', 'corp.example'],
    ['https://corp.example', 'corp.example:8443'],
    ['https://anything.example', '*:80'],
    ['https://192.0.2.7', '198.51.100.0/24'],
    ['https://192.0.2.7', '192.0.2.0/33'],
    ['https://192.0.2.7', '192.0.2.0/'],
    ['https://192.0.2.7.example', '192.0.2.7'],
    ['https://corp.example', ''],
  ])('%s is not called directly with %s', (url, entry) => {
    expect(isDirect(url, entry)).toBe(false);
  });

  it.each([
    'http://localhost:1',
    'http://127.8.9.1',
    'http://[::1]',
    'http://stock:8080',
    'http://stock.support.svc',
    'http://stock.support.svc.cluster.local',
    'http://10.96.0.1',
    'http://172.16.3.4',
    'http://192.168.1.1',
    'http://100.64.0.1',
    'http://169.254.169.254',
    'http://[fd00::1]',
  ])('%s is in the cluster, and always called directly', (url) => {
    expect(isDirect(url)).toBe(true);
  });
});
