import type { Logger } from 'pino';
import type { Rejection } from '../../errors/rejection.ts';
import { ChatTrace, upstreamRequestId } from './chatTrace.ts';
import type { Chat, Seen } from './chatTrace.ts';
import { ATTRIBUTES, EVENTS, SPANS } from './names.ts';
import type { RequestListener } from './requestListener.ts';
import { rejectionAttributes } from './rejectionAttributes.ts';
import type { Span } from '../../../tracing/span.ts';
import { ToolTrace } from './toolTrace.ts';
import type { ToolCall } from './toolTrace.ts';

/** How a request ended. */
export interface Ended {
  reason: string;
  failed: boolean;
  /** Absent: no answer was sent. */
  status?: number | undefined;
}

export interface RequestTraceDeps {
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** The logger of a module. */
  log: (module: 'access' | 'agent' | 'guard' | 'http' | 'model' | 'tools') => Logger;
  span: Span;
  /** Id of the request, as in the runtime's own answers. */
  id: () => string;
  /** As metrics name it. */
  route: string;
  /** Whether a successful request gets an access line, too. Called once. */
  chosen: () => boolean;
  /** Whether spans hold prompts and answers. */
  content: boolean;
  /** Whether spans name clients instead of their hashes. */
  plainUsers: () => boolean;
  /** Makes what gets the same events as the trace. */
  listener: (trace: RequestTrace) => RequestListener;
}

/** A command of a database. */
export interface Command {
  system: 'redis';
  operation: string;
  /** Name of the script that it runs. */
  script?: string;
  address: string;
  port: number;
}

/** Traces one request: its span, the spans below it, and its lines in the log. */
export class RequestTrace {
  readonly deps: RequestTraceDeps;
  readonly span: Span;
  /** Name of the client in logs. */
  client: string | undefined;
  /** Gets the same events as the trace. */
  readonly listener: RequestListener;
  #conversation: string | undefined;
  /** Span of the current turn of a conversation. */
  #turn: Span | undefined;
  #model: string | undefined;
  /** Pod that the request was forwarded to. */
  #sibling: string | undefined;
  readonly #began: number;
  readonly #seen: Seen = { attempts: 0 };

  constructor(deps: RequestTraceDeps) {
    this.deps = deps;
    this.span = deps.span;
    this.#began = deps.now();
    this.listener = deps.listener(this);
  }

  get traceId(): string | undefined {
    return this.span.traceId;
  }

  /** Members of every log line of the request. */
  get ids(): { requestId: string; traceId?: string; conversation?: string } {
    const { traceId } = this.span;
    return {
      requestId: this.deps.id(),
      ...(traceId !== undefined && { traceId }),
      ...(this.#conversation !== undefined && { conversation: this.#conversation }),
    };
  }

  /** Notes the client. `user` gives its name in spans: the plain name, or a hash of it. */
  identified(client: string | undefined, user: (plain: boolean) => string | undefined): void {
    this.client = client;
    if (this.span.recording) this.span.set({ [ATTRIBUTES.user]: user(this.deps.plainUsers()) });
  }

  /** Notes the conversation of the request. */
  converses(id: string): void {
    this.#conversation = id;
    if (!this.span.recording) return;
    this.span.set({ [ATTRIBUTES.conversation]: id, [ATTRIBUTES.session]: id });
  }

  /** Notes that the whole request is here. `messageLength`: bytes of its body. */
  received(messageLength: number): void {
    const { client } = this;
    this.#decided('http', () => ({ client, messageLength }), 'Request was read');
  }

  /** Writes a line at debug; `fields` is called only if it is written. */
  #decided(module: 'guard' | 'http', fields: () => object, message: string): void {
    const log = this.deps.log(module);
    if (log.isLevelEnabled('debug')) log.debug({ ...this.ids, ...fields() }, message);
  }

  /** Begins a turn of a conversation. Later spans belong to it until it ends. */
  turn(agent: string): { end(early?: string): void } {
    const span = this.span.start(SPANS.agent(agent), 'Internal', {
      [ATTRIBUTES.operation]: 'invoke_agent',
      [ATTRIBUTES.agent]: agent,
      [ATTRIBUTES.conversation]: this.#conversation,
    });
    this.#turn = span;
    return {
      end: (early) => {
        this.#turn = undefined;
        span.end(early);
        if (early === undefined) return;
        this.deps.log('agent').warn({ ...this.ids, reason: early }, 'Turn ended early');
      },
    };
  }

  /** Begins a call of the model, with all its attempts. */
  chat(chat: Chat): ChatTrace {
    this.#model ??= chat.model;
    const { now, log, content } = this.deps;
    return new ChatTrace(chat, {
      parent: this.#turn ?? this.span,
      ...{ now, content, seen: this.#seen },
      began: this.#began,
      conversation: this.#conversation,
      debugs: log('model').isLevelEnabled('debug'),
      line: (level, fields, message) => log('model')[level]({ ...this.ids, ...fields }, message),
    });
  }

  /** Begins a call of a tool. */
  tool(call: ToolCall): ToolTrace {
    const { now, log } = this.deps;
    return new ToolTrace(call, this.#turn ?? this.span, {
      now,
      debugs: log('tools').isLevelEnabled('debug'),
      line: (level, fields, message) => log('tools')[level]({ ...this.ids, ...fields }, message),
    });
  }

  /** Begins a command of a database. */
  command({ system, operation, script = '', address, port }: Command): Span {
    const parent = this.#turn ?? this.span;
    if (!parent.recording) return parent;
    return parent.start(SPANS.command(operation, script), 'Client', {
      [ATTRIBUTES.database]: system,
      [ATTRIBUTES.command]: operation,
      ...(script !== '' && { [ATTRIBUTES.script]: script }),
      [ATTRIBUTES.serverAddress]: address,
      [ATTRIBUTES.serverPort]: port,
    });
  }

  /** Measures the wait for a permit to serve the request. */
  async waits<T>(admitted: Promise<T>): Promise<T> {
    const began = this.deps.now();
    const admission = await admitted;
    const waitMs = Math.round(this.deps.now() - began);
    this.span.event(EVENTS.waited, { [ATTRIBUTES.target]: 'inbound', [ATTRIBUTES.waitMs]: waitMs });
    return admission;
  }

  /** Notes that the agent's own limits let the request in. */
  admitted(): void {
    this.#decided('guard', () => ({ target: 'inbound' }), 'Permit was granted');
  }

  /** Notes that the agent's own limits rejected the request. */
  rejected(rejection: Rejection): void {
    this.#decided('guard', () => ({ ...rejection }), 'Permit was refused');
    if (this.span.recording) this.span.event(EVENTS.rejected, rejectionAttributes(rejection));
  }

  /** Notes that the request was forwarded to another pod, and the result. */
  forwarded(sibling: string, result: string): void {
    this.#sibling = sibling;
    this.span.event(EVENTS.forwarded, {
      [ATTRIBUTES.sibling]: sibling,
      [ATTRIBUTES.forwardResult]: result,
    });
  }

  /** Ends the trace: the request was answered, or its client has left. */
  end(ended: Ended): void {
    this.#endSpan(ended);
    this.#tellListener(ended);
    const { attempts } = this.#seen;
    const plain = ended.reason === 'None' && attempts <= 1;
    if (plain && !this.deps.chosen()) return;
    const { endpoint, firstChunkMs, inputTokens, outputTokens, headers } = this.#seen;
    const { reason, status, failed } = ended;
    const fields = {
      ...this.ids,
      route: this.deps.route,
      client: this.client,
      model: this.#model,
      endpoint,
      sibling: this.#sibling,
      status,
      reason,
      durationMs: Math.round(this.deps.now() - this.#began),
      firstTokenMs: firstChunkMs,
      inputTokens,
      outputTokens,
      attempts,
      upstreamRequestId: upstreamRequestId(headers),
    };
    this.deps.log('access')[failed ? 'warn' : 'info'](fields, 'Request ended');
  }

  #tellListener(ended: Ended): void {
    const { inputTokens, outputTokens, headers } = this.#seen;
    const model = this.#model;
    const conversation = this.#conversation;
    const upstreamId = (): string | undefined => upstreamRequestId(headers);
    this.listener.ended({ ...ended, model, inputTokens, outputTokens, conversation, upstreamId });
  }

  #endSpan({ reason, failed, status }: Ended): void {
    const { span } = this;
    if (span.recording) {
      span.set({
        [ATTRIBUTES.requestId]: this.deps.id(),
        [ATTRIBUTES.status]: status,
        [ATTRIBUTES.attempts]: this.#seen.attempts,
        ...(reason !== 'None' && { [ATTRIBUTES.reason]: reason }),
      });
    }
    if (failed) span.end(reason);
    else span.end();
  }
}
