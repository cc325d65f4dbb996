import { expect, it } from '@jest/globals';
import { foreignRoute } from './network.ts';

it('a local cluster takes over no route of another network', () => {
  const own = { dst: '10.213.255.0/30', dev: 'breakwater' };
  expect(foreignRoute([])).toBeUndefined();
  expect(foreignRoute([{ dst: '10.213.0.0/16', dev: 'breakwater' }, own])).toBeUndefined();
  const refusal = foreignRoute([own, { dst: '10.213.7.0/24', dev: 'tun0' }]);
  expect(refusal).toContain('this machine has a route to 10.213.7.0/24 by tun0');
  expect(refusal).toContain('or use CLUSTER=kind');
});
