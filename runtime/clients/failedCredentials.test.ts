import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { networkOf } from '../security/incidents/networkOf.ts';
import { FailedCredentials } from './failedCredentials.ts';

describe('failed credentials', () => {
  it('are counted for a bounded number of addresses', () => {
    let now = 0;
    let address = '';
    const failures = { perMinute: 1, maxAddresses: 2 };
    const failed = new FailedCredentials({
      now: () => now,
      failures: () => failures,
      addressOf: () => address,
    });
    const request = {} as IncomingMessage;
    for (let i = 0; i < 1000; i += 1) {
      address = `192.0.2.${i}`;
      failed.failed(request, `wrong ${i}`);
    }
    address = '192.0.2.0';
    expect(failed.held(request, 'a')?.reason).toBe('AuthThrottled');
    // Those beyond the bound are held together, and for no longer than each of them would be.
    address = '198.51.100.1';
    expect(failed.held(request, 'a')?.reason).toBe('AuthThrottled');
    now = 60_000 * 1000;
    expect(failed.held(request, 'a')).toBeUndefined();
    for (const credential of ['a', 'b', 'c']) failed.accepted(credential);
    failed.failed(request, 'wrong');
    const held = ['a', 'b', 'c'].map((credential) => failed.held(request, credential)?.reason);
    expect(held).toEqual(['AuthThrottled', undefined, undefined]);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('of %s count for %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
