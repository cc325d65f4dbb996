import type { Logger } from 'pino';
import type { Content } from '../contract/generated/types.ts';
import type { OtelTracer, OtelTracerDeps, TracingSettings } from './otelTracer.ts';
import { tracingSettings } from './settings.ts';
import type { TracingEnvironment } from './settings.ts';
import { NO_TRACER } from './span.ts';
import type { Tracer } from './span.ts';

export interface TracingDeps extends OtelTracerDeps {
  /** Settings of the OTEL_* variables. */
  environment: TracingEnvironment;
  /** Attributes of the pod and its runtime. */
  resource: (agent: Content['agent']) => Record<string, string>;
  log: Logger;
}

/** Traces by the configuration in force. Loads OpenTelemetry when traces are first turned on. */
export class Tracing {
  readonly #deps: TracingDeps;
  #tracer: OtelTracer | undefined;
  /** As JSON; empty while tracing is off. */
  #settings = '';
  #content = false;
  #changing: Promise<void> = Promise.resolve();

  constructor(deps: TracingDeps) {
    this.#deps = deps;
  }

  get tracer(): Tracer {
    return this.#tracer ?? NO_TRACER;
  }

  /** Whether spans contain prompts and answers. */
  get content(): boolean {
    return this.#content;
  }

  /** Applies a configuration. Spans under way still go to the tracer that began them. */
  apply({
    agent,
    telemetry,
  }: Pick<Content, 'agent'> & { telemetry: Pick<Content['telemetry'], 'tracing'> }): void {
    const { environment, resource } = this.#deps;
    const settings = tracingSettings(telemetry.tracing, environment, resource(agent));
    this.#content = settings !== undefined && telemetry.tracing?.content === 'Full';
    const text = settings ? JSON.stringify(settings) : '';
    if (text === this.#settings) return;
    this.#settings = text;
    this.#changing = this.#changing.then(() => this.#change(settings, text));
  }

  /** Resolves when the last change is in force. */
  settled(): Promise<void> {
    return this.#changing;
  }

  /** Resolves when all spans that have ended were sent or dropped. */
  async flush(): Promise<void> {
    await this.#tracer?.flush();
  }

  /** Ends at once; spans that wait are sent in the background. */
  async close(): Promise<void> {
    await this.#changing;
    this.#tracer?.close();
  }

  async #change(settings: TracingSettings | undefined, text: string): Promise<void> {
    // Newer settings have arrived meanwhile.
    if (text !== this.#settings) return;
    const { log } = this.#deps;
    const last = this.#tracer;
    try {
      this.#tracer = settings && new (await load())(settings, this.#deps);
      log.info({ on: settings !== undefined, ratio: settings?.ratio }, 'Tracing was changed');
    } catch (error) {
      this.#tracer = undefined;
      log.error({ err: error }, 'Tracing could not be turned on');
    }
    // Sends its remaining spans in the background.
    void last?.flush().then(() => last.close());
  }
}

/** Attributes that identify the pod in its traces. */
export function resourceOf(
  { namespace, name }: Content['agent'],
  { pod, version }: { pod: { namespace: string; name: string; uid: string }; version: string },
): Record<string, string> {
  return {
    'service.name': name,
    'service.namespace': namespace,
    'service.version': version,
    'service.instance.id': pod.uid,
    'k8s.namespace.name': pod.namespace,
    'k8s.pod.name': pod.name,
    'k8s.pod.uid': pod.uid,
  };
}

/** Loads OpenTelemetry only when it is needed, which keeps the start quick. */
async function load(): Promise<typeof OtelTracer> {
  return (await import('./otelTracer.ts')).OtelTracer;
}
