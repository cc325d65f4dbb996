/**
 * Writes the chart's permissions, rules for tenants and README, the dashboards and the settings of Argo CD, then what is rendered from the chart; see
 * permissions.ts, tenancy.ts, chartReadme.ts, argocd/customizations.ts and render.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { helmBinaries } from '../test/cluster/local/binaries.ts';
import { customizations } from './argocd/customizations.ts';
import { chartReadme } from './chartReadme.ts';
import { dashboards } from './grafana/dashboard.ts';
import { permissionTemplates } from './permissions.ts';
import { CHART, render } from './render.ts';
import { tenancyTemplates } from './tenancy.ts';

writeFileSync(join(CHART, 'templates/_permissions.tpl'), permissionTemplates());
writeFileSync(join(CHART, 'templates/_tenancy.tpl'), tenancyTemplates());
for (const [name, dashboard] of Object.entries(dashboards()))
  for (const directory of [join(CHART, 'files'), join(import.meta.dirname, 'grafana')])
    writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(dashboard, null, 2)}\n`);
writeFileSync(join(import.meta.dirname, 'argocd/argocd-cm.yaml'), customizations());
const [schema, values] = ['values.schema.json', 'values.yaml'].map((file) =>
  readFileSync(join(CHART, file), 'utf8'),
);
writeFileSync(join(CHART, 'README.md'), chartReadme(schema!, values!));
const files = await render(join(await helmBinaries(), 'helm'));
for (const [path, text] of Object.entries(files))
  writeFileSync(join(import.meta.dirname, path), text);
