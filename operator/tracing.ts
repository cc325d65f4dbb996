import { Agent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import packageJson from '../package.json' with { type: 'json' };
import { NO_TRACER } from '../tracing/span.ts';
import { Tracing } from '../tracing/tracing.ts';
import type { TracingEnvironment } from '../tracing/settings.ts';
import { sleep, systemClock, Traces } from './kube/index.ts';
import type { Settings } from './settings.ts';

export interface OperatorTracingOptions {
  settings: Pick<Settings, 'ownTracing' | 'namespace' | 'podName'>;
  /** The OTEL_* variables. */
  environment: TracingEnvironment;
  logger: Logger;
  registry: Registry;
}

/** Time to send the remaining spans when the operator ends. */
const FLUSH_MS = 2_000;
/** One idle connection to the collector suffices, because batches are sent one after another. */
const KEPT = { keepAlive: true, maxSockets: 1 };

/** The operator's own traces. OpenTelemetry is loaded only if they are on. */
export class OperatorTracing {
  readonly #tracing: Tracing;
  readonly traces: Traces;

  constructor({ settings, environment, logger, registry }: OperatorTracingOptions) {
    const { namespace, podName, ownTracing } = settings;
    const spans = new Counter({
      name: 'trace_spans_total',
      help: 'Spans that have ended, by what became of them: exported, queue_full (dropped, because too many waited), export_failed (dropped, because the collector did not take them)',
      labelNames: ['result'],
      registers: [registry],
    });
    for (const result of ['exported', 'queue_full', 'export_failed']) spans.inc({ result }, 0);
    this.#tracing = new Tracing({
      environment,
      resource: () => ({
        'service.name': 'breakwater-operator',
        'service.namespace': namespace,
        'service.version': packageJson.version,
        'service.instance.id': podName,
        'k8s.namespace.name': namespace,
        'k8s.pod.name': podName,
      }),
      // The headers for a collector with a key are in OTEL_EXPORTER_OTLP_HEADERS.
      headers: () => ({}),
      agent: (protocol) => (protocol === 'https:' ? new SecureAgent(KEPT) : new Agent(KEPT)),
      secureContext: () => undefined,
      count: (result, count) => spans.inc({ result }, count),
      log: logger,
    });
    this.traces = new Traces(() => {
      const { tracer } = this.#tracing;
      if (tracer === NO_TRACER) return undefined;
      return (name, kind, attributes) => tracer.request(name, {}, attributes, kind);
    });
    this.#tracing.apply({
      agent: { namespace, name: 'breakwater-operator', uid: podName },
      telemetry: {
        ...(ownTracing && { tracing: { ...ownTracing, headersFrom: [], content: 'None' } }),
      },
    });
  }

  /** Resolves when tracing is on, or stays off. */
  settled(): Promise<void> {
    return this.#tracing.settled();
  }

  /** Sends the remaining spans, within a time limit. */
  async close(): Promise<void> {
    const stop = new AbortController();
    const late = sleep(systemClock, FLUSH_MS, stop.signal);
    await Promise.race([this.#tracing.flush(), late]);
    stop.abort();
    await this.#tracing.close();
  }
}
