/** Renders config/rbac and config/manager from the Helm chart, so that nothing is written twice. */
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { run } from '../test/cluster/command.ts';

interface KubernetesObject {
  kind: string;
  metadata: { labels: Record<string, string> };
  spec?: { template?: { metadata: { labels: Record<string, string> } } };
}

export const CHART = join(import.meta.dirname, '../charts/breakwater');

const NAMESPACE = 'breakwater-system';
const HEADER = '# Generated from charts/breakwater by `node config/generate.ts`; do not edit.\n';
/** By kind: what the operator may do, and what runs it. */
const FILES: Record<string, string[]> = {
  'rbac/rbac.yaml': ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'manager/manager.yaml': ['Deployment', 'Service'],
};

/**
 * Text of each file, by path under config/: the chart with its default values, without the labels
 * that are Helm's own.
 * @param helm path of the helm binary
 */
export async function render(helm: string): Promise<Record<string, string>> {
  const output = await run(helm, [
    ...['template', 'breakwater', CHART, '--namespace', NAMESPACE],
    ...['--set', 'crds.install=false', '--kube-version', '1.31.0'],
  ]);
  const objects = parseAllDocuments(output)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object) => object !== null);
  for (const { metadata, spec } of objects)
    for (const { labels } of [metadata, ...(spec?.template ? [spec.template.metadata] : [])]) {
      delete labels['helm.sh/chart'];
      delete labels['app.kubernetes.io/managed-by'];
    }
  return Object.fromEntries(
    Object.entries(FILES).map(([path, kinds]) => [
      path,
      HEADER +
        objects
          .filter(({ kind }) => kinds.includes(kind))
          .map((object) => stringify(object, { lineWidth: 0, singleQuote: true }))
          .join('---\n'),
    ]),
  );
}
