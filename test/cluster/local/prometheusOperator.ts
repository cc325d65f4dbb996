import { join } from 'node:path';
import { moduleFiles } from './moduleFiles.ts';

const CRDS = ['servicemonitors', 'prometheusrules'] as const;

/** Paths of prometheus-operator's own definitions of ServiceMonitor and PrometheusRule, from its Go module. */
export function prometheusOperatorDefinitions(): Promise<string[]> {
  return moduleFiles({
    title: "Downloading prometheus-operator's CRDs (first time only)",
    name: 'prometheus-operator',
    directory: join(import.meta.dirname, 'prometheusOperator'),
    module: 'github.com/prometheus-operator/prometheus-operator',
    files: CRDS.map(
      (plural) => `example/prometheus-operator-crd/monitoring.coreos.com_${plural}.yaml`,
    ),
  });
}
