import type { AgentDeployment } from '../../crds/generated/types.ts';
import { buildHeadlessService } from '../../operator/desired/objects/headlessService.ts';
import type { MonitoringFacts } from '../../operator/desired/objects/monitoring.ts';
import { buildService } from '../../operator/desired/objects/service.ts';
import { buildServiceMonitor } from '../../operator/desired/objects/serviceMonitor.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { serviceMonitorJob, targetGroups } from './serviceMonitor.ts';
import type { Discovery, Monitor, MonitoredPod, MonitoredService } from './serviceMonitor.ts';

const SERVED: MonitoringFacts = { serviceMonitors: 'Served', prometheusRules: 'Served' };

/** Prometheus' job for a pod of the agent, made from the operator's objects. */
export function agentJob(agent: AgentDeployment, pod: MonitoredPod): object {
  return discoveredAgentJob(agent, { static_configs: agentTargets(agent, pod) });
}

/** Prometheus' job for all pods of the agent that it discovers. */
export function discoveredAgentJob(agent: AgentDeployment, discovery: Discovery): object {
  return serviceMonitorJob(buildServiceMonitor(agent, SERVED)!, discovery);
}

/** The targets that Prometheus discovers for a pod of the agent. */
export function agentTargets(agent: AgentDeployment, pod: MonitoredPod): object[] {
  return targetGroups([buildService(agent), buildHeadlessService(agent, SERVED)], pod);
}

/** Prometheus' job for a pod of the operator, made from the objects in config/. */
export function operatorJob(pod: MonitoredPod): object {
  const services = shipped<MonitoredService>('manager/manager.yaml', 'Service');
  const [monitor] = shipped<Monitor>('prometheus/prometheus.yaml', 'ServiceMonitor');
  return serviceMonitorJob(monitor!, { static_configs: targetGroups(services, pod) });
}

function shipped<T>(path: string, kind: string): T[] {
  const text = readFileSync(join(import.meta.dirname, '../../config', path), 'utf8');
  return parseAllDocuments(text)
    .map((document) => document.toJS() as { kind: string })
    .filter((object) => object.kind === kind) as T[];
}
