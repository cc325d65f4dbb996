import type { Registry } from 'prom-client';

interface Described {
  name: string;
  help: string;
  type: string;
  labelNames: readonly string[];
}

const HEAD = `# Metrics of the operator

Prometheus finds them at \`:8080/metrics\` of each operator pod; the chart's \`metrics.serviceMonitor.enabled\` has it scraped. A test compares this page
with what an operator that runs serves. Names that begin with \`controller_runtime_\`, \`workqueue_\`, \`rest_client_\` and \`leader_election_\` are those of
controller-runtime, so dashboards made for it work. A histogram \`x\` has the series \`x_bucket\`, \`x_sum\` and \`x_count\`.
`;

/** The reference page of all metrics in a registry: Breakwater's own and controller-runtime's, then those of the process. */
export function metricsReference(registry: Registry): string {
  const all = (registry.getMetricsAsArray() as unknown as (Described & object)[])
    .map((metric) => ({
      name: metric.name,
      help: metric.help,
      type: metric.constructor.name.replace(/^Sampled/, '').toLowerCase(),
      labelNames: metric.labelNames,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const ofProcess = (name: string): boolean => /^(nodejs|process)_/.test(name);
  return [
    HEAD,
    table(all.filter(({ name }) => !ofProcess(name))),
    '## The process\n',
    table(all.filter(({ name }) => ofProcess(name))),
  ].join('\n');
}

function table(metrics: readonly Described[]): string {
  const rows = metrics.map(({ name, type, labelNames, help }) => {
    const labels = labelNames.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${labels} | ${help.replace(/\.$/, '')} |\n`;
  });
  return `| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}
