import type { MonitoringFacts } from '../desired/objects/monitoring.ts';
import { PrometheusRules, ServiceMonitors } from '../resources/resources.ts';
import { OptionalCaches, type OptionalCachesOptions } from './optionalCaches.ts';

/** Agents' objects of prometheus-operator's kinds. */
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
