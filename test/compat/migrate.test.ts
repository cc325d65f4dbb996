import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { readManifests } from '../../cli/manifests/files.ts';
import { Inventory } from '../../cli/manifests/inventory.ts';
import { checks } from '../../cli/manifests/kinds.ts';
import { migrate } from '../../cli/manifests/migrate.ts';
import { pinnedCheckout } from './pinnedVersion.ts';

it.each(['samples', 'presets/development', 'presets/production'])(
  'breakwater migrate makes manifests of this version from config/%s of the last release',
  async (directory) => {
    const files = await readManifests(join(await pinnedCheckout(), 'config', directory));
    const migrated = new Map<string, string>();
    for (const [file, text] of files) {
      const { text: after, faults } = migrate(text, false);
      expect(faults).toEqual([]);
      expect(migrate(after, false).changes).toEqual([]);
      migrated.set(file, after);
    }
    const inventory = new Inventory(checks(), () => new Date(0));
    const faults = inventory.load(migrated).faults.map(({ message }) => message);
    expect(faults.filter((message) => !message.includes('is in'))).toEqual([]);
    expect(inventory.objects().agents).not.toEqual([]);
  },
  120_000,
);
