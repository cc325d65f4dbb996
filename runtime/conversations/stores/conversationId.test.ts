import { expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
import { canonical, freeId, newBoot, ownedId, ownerOf } from './conversationId.ts';

it('an id names its pod and its process', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const owner = { address: canonical(address), boot: newBoot() };
      // An IPv4 address in IPv6's clothes is shown with dots, which no pod's address is.
      fc.pre(!(owner.address.includes(':') && owner.address.includes('.')));
      expect(ownerOf(ownedId(owner))).toEqual(owner);
    }),
  );
});

it('other texts name no owner', () => {
  for (const id of ['', 'conv_', 'conv_x', freeId(), 'other']) expect(ownerOf(id)).toBeUndefined();
});
