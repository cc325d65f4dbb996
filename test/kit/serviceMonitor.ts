/** Generates Prometheus' configuration from a ServiceMonitor, as prometheus-operator does. */

/** The fields of a ServiceMonitor that are used here. */
export interface Monitor {
  metadata: { name: string; namespace?: string };
  spec: {
    jobLabel?: string;
    targetLabels?: string[];
    selector: { matchLabels: Record<string, string> };
    endpoints: { port: string; path?: string }[];
  };
}

/** A Service that selects the pod. */
export interface MonitoredService {
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec: { ports: { name?: string }[] };
}

/** A running pod with the address (HOST:PORT) of each named port. */
export interface MonitoredPod {
  name: string;
  addresses: Record<string, string>;
}

/** How Prometheus discovers targets without Kubernetes. */
export type Discovery = { static_configs: object[] } | { file_sd_configs: { files: string[] }[] };

/**
 * A job of Prometheus as prometheus-operator generates it (pkg/prometheus/promcfg.go, role endpoints). Only the
 * discovery of targets differs; see targetGroups.
 */
export function serviceMonitorJob({ metadata, spec }: Monitor, discovery: Discovery): object {
  const [endpoint] = spec.endpoints;
  const { port, path = '/metrics' } = endpoint!;
  return {
    job_name: `serviceMonitor/${metadata.namespace}/${metadata.name}/0`,
    metrics_path: path,
    ...discovery,
    relabel_configs: relabelling(spec, port),
  };
}

/** Targets that Kubernetes service discovery finds for a pod: one for each port of each Service. */
export function targetGroups(services: readonly MonitoredService[], pod: MonitoredPod): object[] {
  return services.flatMap((service) => discovered(service, pod));
}

function relabelling(
  { selector, targetLabels = [], jobLabel }: Monitor['spec'],
  port: string,
): object[] {
  const from = (label: string, target: string): object => ({
    ...{ source_labels: [label], target_label: target, regex: '(.+)', replacement: '${1}' },
  });
  const ofKind = (kind: string, target: string): object => ({
    source_labels: [
      '__meta_kubernetes_endpoint_address_target_kind',
      '__meta_kubernetes_endpoint_address_target_name',
    ],
    ...{ separator: ';', regex: `${kind};(.*)`, replacement: '${1}', target_label: target },
  });
  return [
    ...Object.entries(selector.matchLabels).map(([label, value]) => ({
      action: 'keep',
      source_labels: [
        `__meta_kubernetes_service_label_${name(label)}`,
        `__meta_kubernetes_service_labelpresent_${name(label)}`,
      ],
      regex: `(${value});true`,
    })),
    { action: 'keep', source_labels: ['__meta_kubernetes_endpoint_port_name'], regex: port },
    ...[ofKind('Node', 'node'), ofKind('Pod', 'pod')],
    from('__meta_kubernetes_namespace', 'namespace'),
    from('__meta_kubernetes_service_name', 'service'),
    from('__meta_kubernetes_pod_name', 'pod'),
    from('__meta_kubernetes_pod_container_name', 'container'),
    {
      ...{ action: 'drop', source_labels: ['__meta_kubernetes_pod_phase'] },
      regex: '(Failed|Succeeded)',
    },
    ...targetLabels.map((label) =>
      from(`__meta_kubernetes_service_label_${name(label)}`, name(label)),
    ),
    from('__meta_kubernetes_service_name', 'job'),
    ...(jobLabel === undefined
      ? []
      : [from(`__meta_kubernetes_service_label_${name(jobLabel)}`, 'job')]),
    { target_label: 'endpoint', replacement: port },
  ];
}

function discovered({ metadata, spec }: MonitoredService, pod: MonitoredPod): object[] {
  const labels = Object.entries(metadata.labels ?? {}).flatMap(([label, value]) => [
    [`__meta_kubernetes_service_label_${name(label)}`, value],
    [`__meta_kubernetes_service_labelpresent_${name(label)}`, 'true'],
  ]);
  return spec.ports.map(({ name: port = '' }) => ({
    targets: [pod.addresses[port] ?? '127.0.0.1:1'],
    labels: {
      ...(Object.fromEntries(labels) as Record<string, string>),
      __meta_kubernetes_namespace: metadata.namespace,
      __meta_kubernetes_service_name: metadata.name,
      __meta_kubernetes_endpoint_port_name: port,
      __meta_kubernetes_endpoint_address_target_kind: 'Pod',
      __meta_kubernetes_endpoint_address_target_name: pod.name,
      __meta_kubernetes_pod_name: pod.name,
      __meta_kubernetes_pod_phase: 'Running',
    },
  }));
}

/** The name of a label as Prometheus allows it. */
function name(label: string): string {
  return label.replaceAll(/[^a-zA-Z0-9_]/g, '_');
}
