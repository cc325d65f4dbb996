/** Writes config/rbac/rbac.yaml and config/manager/manager.yaml; see render.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { helmBinaries } from '../test/cluster/local/binaries.ts';
import { render } from './render.ts';

const files = await render(join(await helmBinaries(), 'helm'));
for (const [path, text] of Object.entries(files))
  writeFileSync(join(import.meta.dirname, path), text);
