import type { Content } from '../contract/generated/types.ts';
import type { TracingSettings } from './otelTracer.ts';

type Spec = Content['telemetry']['tracing'];
type Queue = TracingSettings['queue'];

/** OpenTelemetry's own variables (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables). */
export interface TracingEnvironment {
  /** Whether they name a collector. OpenTelemetry reads its address, headers and certificates itself. */
  endpoint: boolean;
  /** How to speak to the collector that they name. */
  protocol: TracingSettings['protocol'];
  disabled: boolean;
  ratio: number;
  parentBased: boolean;
  resource: Readonly<Record<string, string>>;
  queue: Queue;
  exportMs: number;
}

/** No variable is set. */
export const NO_ENVIRONMENT: TracingEnvironment = tracingEnvironment({});

export function tracingEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): TracingEnvironment {
  const sampler = env['OTEL_TRACES_SAMPLER'] ?? 'parentbased_always_on';
  const number = (name: string, fallback: number): number => {
    const value = Number(env[name] || Number.NaN);
    return value >= 0 ? value : fallback;
  };
  const service = env['OTEL_SERVICE_NAME'];
  const maxQueueSize = number('OTEL_BSP_MAX_QUEUE_SIZE', 2048);
  return {
    endpoint: Boolean(
      env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'],
    ),
    protocol:
      (env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] || env['OTEL_EXPORTER_OTLP_PROTOCOL']) === 'grpc'
        ? 'grpc'
        : 'http',
    disabled:
      env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none',
    ratio: ratioOf(sampler, number('OTEL_TRACES_SAMPLER_ARG', 1)),
    parentBased: sampler.startsWith('parentbased_'),
    resource: {
      ...resourceOf(env['OTEL_RESOURCE_ATTRIBUTES'] ?? ''),
      ...(service !== undefined && service !== '' && { 'service.name': service }),
    },
    queue: {
      maxQueueSize,
      maxBatchSize: Math.max(
        1,
        Math.min(maxQueueSize, number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 256)),
      ),
      delayMs: number('OTEL_BSP_SCHEDULE_DELAY', 5000),
    },
    exportMs: number('OTEL_EXPORTER_OTLP_TIMEOUT', 10_000),
  };
}

/** Settings of traces; undefined while tracing is off. The spec takes precedence over the variables. */
export function tracingSettings(
  spec: Spec,
  environment: TracingEnvironment,
  resource: Readonly<Record<string, string>>,
): TracingSettings | undefined {
  const { endpoint, disabled, queue, exportMs } = environment;
  if (disabled || (!spec && !endpoint)) return undefined;
  const { ratio, parentBased } = spec ?? environment;
  return {
    ...(spec ? collector(spec.endpoint) : { protocol: environment.protocol }),
    ...{ ratio, parentBased, exportMs },
    queue: spec?.content === 'Full' ? withContent(queue) : queue,
    resource: { ...resource, ...environment.resource },
  };
}

/** A span with content has up to 384 KiB, so fewer may wait. */
function withContent({ maxQueueSize, maxBatchSize, delayMs }: Queue): Queue {
  return {
    maxQueueSize: Math.min(maxQueueSize, 192),
    maxBatchSize: Math.min(maxBatchSize, 32),
    delayMs,
  };
}

/** IANA's port of OTLP over gRPC. */
const GRPC_PORT = '4317';

/** The port tells the protocol. */
function collector(endpoint: string): Pick<TracingSettings, 'protocol' | 'url'> {
  if (new URL(endpoint).port === GRPC_PORT) return { protocol: 'grpc', url: endpoint };
  return { protocol: 'http', url: tracesUrl(endpoint) };
}

/** Appends the path of traces, as OpenTelemetry does for OTEL_EXPORTER_OTLP_ENDPOINT. */
function tracesUrl(endpoint: string): string {
  const base = endpoint.replace(/\/+$/, '');
  return base.endsWith('/v1/traces') ? base : `${base}/v1/traces`;
}

function ratioOf(sampler: string, argument: number): number {
  if (sampler.endsWith('always_off')) return 0;
  return sampler.endsWith('traceidratio') ? Math.min(1, argument) : 1;
}

function resourceOf(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const [name = '', value = ''] = pair.split('=', 2).map((part) => part.trim());
    return name === '' ? [] : [[name, decoded(value)]];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
