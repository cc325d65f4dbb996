/**
 * Writes the chart's permissions and rules for tenants, the dashboard and the settings of Argo CD, then what is rendered from the chart; see
 * permissions.ts, tenancy.ts, argocd/customizations.ts and render.ts.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { helmBinaries } from '../test/cluster/local/binaries.ts';
import { customizations } from './argocd/customizations.ts';
import { dashboard } from './grafana/dashboard.ts';
import { permissionTemplates } from './permissions.ts';
import { CHART, render } from './render.ts';
import { tenancyTemplates } from './tenancy.ts';

writeFileSync(join(CHART, 'templates/_permissions.tpl'), permissionTemplates());
writeFileSync(join(CHART, 'templates/_tenancy.tpl'), tenancyTemplates());
for (const path of [
  join(CHART, 'files/dashboard.json'),
  join(import.meta.dirname, 'grafana/breakwater.json'),
])
  writeFileSync(path, `${JSON.stringify(dashboard(), null, 2)}\n`);
writeFileSync(join(import.meta.dirname, 'argocd/argocd-cm.yaml'), customizations());
const files = await render(join(await helmBinaries(), 'helm'));
for (const [path, text] of Object.entries(files))
  writeFileSync(join(import.meta.dirname, path), text);
