import { expect, it } from '@jest/globals';
import { Addresses } from './addresses.ts';

const HOUR_MS = 3_600_000;

function come(addresses: Addresses, count: number, now: number, client = 'alice'): number {
  let unusual = 0;
  for (let i = 0; i < count; i += 1) {
    if (addresses.add(client, `192.0.2.${i}`, now)) unusual += 1;
  }
  return unusual;
}

function scene(): Addresses {
  const addresses = new Addresses();
  addresses.apply(2);
  return addresses;
}

it('a client from many more addresses than in its own last hours is unusual, and again at each doubling', () => {
  const addresses = scene();
  expect(come(addresses, 1, 0)).toBe(0);
  expect(come(addresses, 9, HOUR_MS)).toBe(0);
  // Five times the mean of one and nine.
  expect(come(addresses, 24, 2 * HOUR_MS)).toBe(0);
  expect(come(addresses, 25, 2 * HOUR_MS)).toBe(1);
  expect(come(addresses, 60, 2 * HOUR_MS)).toBe(1);
});

it('a client without earlier hours, and one that always comes from many addresses, are not unusual', () => {
  const addresses = scene();
  expect(come(addresses, 40, 0)).toBe(0);
  expect(come(addresses, 60, HOUR_MS)).toBe(0);
});

it('addresses of one IPv6 network count once, and a client cannot fill the memory', () => {
  const addresses = scene();
  addresses.add('alice', '192.0.2.1', 0);
  const told = Array.from({ length: 30 }, (_, i) =>
    addresses.add('alice', `2001:db8:1:2::${i.toString(16)}`, HOUR_MS),
  );
  expect(told).not.toContain(true);
  for (let i = 0; i < 10_000; i += 1) addresses.add('alice', `198.51.${i >> 8}.${i & 255}`, 2 * HOUR_MS); // prettier-ignore
  for (let i = 0; i < 10_000; i += 1) addresses.add(`client ${i}`, '192.0.2.1', 2 * HOUR_MS);
  // Clients that came later have displaced what was known of it.
  expect(come(addresses, 60, 3 * HOUR_MS)).toBe(0);
});
