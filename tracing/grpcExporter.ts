import type { SecureContext } from 'node:tls';
import { Metadata, credentials } from '@grpc/grpc-js';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import type { SpanExporter } from '@opentelemetry/sdk-trace';

export interface GrpcExporterOptions {
  /** URL of the collector; absent: OTEL_EXPORTER_OTLP_* name it and its certificates. */
  url?: string | undefined;
  /** Timeout of one export including retries, in milliseconds. */
  timeoutMillis: number;
  /** Headers for each export, as mounted at the time. */
  headers: () => Record<string, string>;
  /** Trusted authorities; undefined: the system's. */
  secureContext: () => SecureContext | undefined;
}

/** Sends spans by OTLP over gRPC, by another client when headers or authorities have changed. */
export class GrpcExporter implements SpanExporter {
  readonly #options: GrpcExporterOptions;
  #trusted: SecureContext | undefined;
  /** As JSON. */
  #headers = '';
  #exporter: OTLPTraceExporter;

  constructor(options: GrpcExporterOptions) {
    this.#options = options;
    this.#exporter = this.#open();
  }

  export(...[spans, done]: Parameters<SpanExporter['export']>): void {
    const { headers, secureContext } = this.#options;
    if (secureContext() !== this.#trusted || JSON.stringify(headers()) !== this.#headers) {
      // Sends what is under way first.
      void this.#exporter.shutdown();
      this.#exporter = this.#open();
    }
    this.#exporter.export(spans, done);
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #open(): OTLPTraceExporter {
    const { url, timeoutMillis, headers, secureContext } = this.#options;
    const sent = headers();
    this.#trusted = secureContext();
    this.#headers = JSON.stringify(sent);
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(sent)) metadata.set(name, value);
    const isSecure = url?.startsWith('https:') === true;
    return new OTLPTraceExporter({
      ...{ metadata, timeoutMillis },
      ...(url !== undefined && { url }),
      ...(isSecure && {
        credentials: this.#trusted
          ? credentials.createFromSecureContext(this.#trusted)
          : credentials.createSsl(),
      }),
      ...(url !== undefined && !isSecure && { credentials: credentials.createInsecure() }),
    });
  }
}
