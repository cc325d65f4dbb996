import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { dashboards, expressions } from '../../config/grafana/dashboard.ts';
import { CHART, IMAGE_ARGUMENTS } from '../../config/render.ts';
import { run } from '../cluster/common/command.ts';
import { helmBinaries } from '../cluster/local/binaries.ts';
import { checkRules } from '../kit/promtool.ts';
import { START_TIMEOUT } from './apiserver.ts';

interface ConfigMap {
  metadata: { namespace: string; labels: Record<string, string> };
  data: Record<string, string>;
}

it(
  'the chart puts the dashboards into a ConfigMap if its values enable that',
  async () => {
    const rendered = await run(join(await helmBinaries(), 'helm'), [
      ...['template', 'breakwater', CHART, '--namespace', 'breakwater-system', ...IMAGE_ARGUMENTS],
      ...['--kube-version', '1.31.0', '--show-only', 'templates/grafana-dashboard.yaml'],
      ...['--set', 'metrics.dashboard.enabled=true,metrics.dashboard.namespace=monitoring'],
    ]);
    const { metadata, data } = parse(rendered) as ConfigMap;
    expect(metadata).toMatchObject({ namespace: 'monitoring', labels: { grafana_dashboard: '1' } });
    const files = Object.entries(data).map(([file, text]) => [file, JSON.parse(text) as unknown]);
    expect(Object.fromEntries(files)).toEqual(
      Object.fromEntries(
        Object.entries(dashboards()).map(([name, each]) => [`${name}.json`, each]),
      ),
    );
  },
  START_TIMEOUT,
);

it(
  'Prometheus can read every query of the dashboards',
  async () => {
    const rules = expressions().map((expression, index) => ({
      record: `panel:${index}`,
      expr: expression
        .replaceAll('$__rate_interval', '1m')
        .replaceAll(/\$\w+_price/g, '3')
        .replaceAll(/\$(\w+)/g, '.+'),
    }));
    expect(rules.length).toBeGreaterThan(60);
    await checkRules({ spec: { groups: [{ name: 'dashboard', rules }] } });
  },
  START_TIMEOUT,
);

it.each(Object.entries(dashboards()))(
  'panels of %s do not overlap, and each has its own id',
  (_, each) => {
    const { panels } = each as {
      panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const places = panels.map(({ gridPos: { x, y } }) => `${x},${y}`);
    expect(new Set(places).size).toBe(panels.length);
  },
);
