import type { MonitoringFacts } from '../desired/objects/monitoring.ts';
import { PrometheusRules, ServiceMonitors } from '../resources/resources.ts';
import { OptionalCaches, type OptionalCachesOptions } from './optionalCaches.ts';

/** The objects of prometheus-operator that are made for agents. */
export class MonitoringCaches extends OptionalCaches {
  constructor(options: OptionalCachesOptions) {
    super([ServiceMonitors, PrometheusRules], options);
  }

  get facts(): MonitoringFacts {
    return {
      serviceMonitors: this.availabilityOf(ServiceMonitors),
      prometheusRules: this.availabilityOf(PrometheusRules),
    };
  }
}
