import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Content } from '../../contract/generated/types.ts';
import type { Module } from './log.ts';
import { ATTRIBUTES } from './trace/names.ts';
import type { RequestListener } from './trace/requestListener.ts';
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
  /** Makes what gets the same events as a trace, such as the audit's record of the request. */
  listener: (request: TracedRequest, route: string, trace: RequestTrace) => RequestListener;
}

/** The parts of a request that its trace, the audit and the detection of attacks use. */
export type TracedRequest = Pick<IncomingMessage, 'socket' | 'headers' | 'method'>;

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
  begin(request: TracedRequest, id: () => string, route: string): RequestTrace {
    const { now, log, tracer, content, listener } = this.#deps;
    const { method, headers } = request;
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
      listener: (trace) => listener(request, route, trace),
    });
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
