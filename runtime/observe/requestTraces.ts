import type { Logger } from 'pino';
import type { Content } from '../../contract/generated/types.ts';
import type { Module } from './log.ts';
import { ATTRIBUTES } from './trace/names.ts';
import { RequestTrace } from './trace/requestTrace.ts';
import type { Tracer } from '../../tracing/span.ts';

export interface RequestTracesDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  log: (module: Module) => Logger;
  /** From 0 up to but not 1. */
  random: () => number;
  /** Undefined as long as there is no configuration. */
  telemetry: () => Content['telemetry'] | undefined;
  tracer: () => Tracer;
  /** Whether spans contain prompts and answers. */
  content: () => boolean;
}

/** The parts of a request that traces use. */
export interface TracedRequest {
  method?: string | undefined;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Header of Claude Code's session. */
const SESSION = 'x-claude-code-session-id';

/** Begins the trace of each request as the configuration says. */
export class RequestTraces {
  readonly #deps: RequestTracesDeps;
  readonly #chosen: () => boolean;
  readonly #plainUsers: () => boolean;

  constructor(deps: RequestTracesDeps) {
    const { random, telemetry } = deps;
    this.#deps = deps;
    this.#chosen = () => random() < (telemetry()?.logging.successRatio ?? 0);
    this.#plainUsers = () => telemetry()?.userId === 'Plain';
  }

  /** `id` creates the request's id on first use; `route` is as metrics name it. */
  begin({ method, headers }: TracedRequest, id: () => string, route: string): RequestTrace {
    const { now, log, tracer, content } = this.#deps;
    const parent = {
      traceparent: single(headers['traceparent']),
      tracestate: single(headers['tracestate']),
    };
    // The name for what has no method is that of OpenTelemetry's conventions.
    const name = method === undefined ? 'HTTP' : `${method} ${route}`;
    const span = tracer().request(name, parent, {
      [ATTRIBUTES.method]: method,
      [ATTRIBUTES.route]: route,
      [ATTRIBUTES.session]: single(headers[SESSION]),
    });
    return new RequestTrace({
      ...{ now, log, span, id, route },
      chosen: this.#chosen,
      content: content(),
      plainUsers: this.#plainUsers,
    });
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
