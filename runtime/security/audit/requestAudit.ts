import type { Actor, AuditEvent, Authentication, Tokens } from './event.ts';

/** A client that was let in. */
export interface AuditedClient {
  /** Name of its API key, or the subject of its token; empty for everybody. */
  id: string;
  authentication: Authentication;
}

/** A call of a tool that has ended. */
export interface AuditedCall {
  name: string;
  arguments: unknown;
  /** Refused calls were not made. */
  status: 'ok' | 'error' | 'failed' | 'refused' | 'cached';
}

/** How a request ended. */
export interface AuditedEnd {
  /** As in x-breakwater-reason; None when the answer is the endpoint's, or the conversation's. */
  reason: string;
  failed: boolean;
  /** Status code; absent when nothing was sent. */
  status?: number;
  model?: string | undefined;
  tokens?: Tokens | undefined;
  /** The conversation that it started. */
  started?: string | undefined;
}

/** Hears what becomes of one request to the agent. */
export interface RequestAudit {
  /** The client is let in. */
  identified(client: AuditedClient): void;
  /** The client is not let in. */
  unidentified(failure: { reason: string; message: string }): void;
  toolCalled(call: AuditedCall): void;
  ended(end: AuditedEnd): void;
}

const nothing = (): void => undefined;

/** Of a request that is not audited. */
export const NO_AUDIT: RequestAudit = {
  identified: nothing,
  unidentified: nothing,
  toolCalled: nothing,
  ended: nothing,
};

/** What is known of a request when it begins. */
export interface AuditedRequest {
  id: string;
  traceId?: string | undefined;
  /** As in messages.create. */
  operation: string;
  /** Address of the client. */
  source: string | undefined;
  conversation?: string | undefined;
}

export interface RequestRecordDeps {
  /** Wall clock, in milliseconds. */
  time(): number;
  record(event: AuditEvent): void;
  /** How clients are known now. */
  authentication: Authentication;
  /** Whether this client's success is worth an event of its own. */
  isNews(client: AuditedClient, source: string | undefined): boolean;
  /** Whether the arguments of this tool are recorded. */
  withArguments(tool: string): boolean;
  /** Whether it is a tool of the spec, or else one of an MCP server. */
  isOwnTool(tool: string): boolean;
}

/** Reasons for which the agent itself turns a request down, rather than failing at it. */
const DENIALS: ReadonlySet<string> = new Set([
  ...['Unauthorized', 'Forbidden', 'RateLimited', 'BulkheadFull', 'Draining', 'PromptBlocked'],
  ...['AuditUnavailable', 'InvalidRequest', 'TooLarge', 'HeadersTooLarge'],
]);

/** Tells the audit of one request. */
export class RequestRecord implements RequestAudit {
  readonly #deps: RequestRecordDeps;
  readonly #request: AuditedRequest;
  #actor: Actor;

  constructor(request: AuditedRequest, deps: RequestRecordDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#actor = { kind: 'Client', id: '', authentication: deps.authentication };
  }

  identified(client: AuditedClient): void {
    this.#actor = { kind: 'Client', ...client };
    const { source } = this.#request;
    if (client.authentication === 'None' || !this.#deps.isNews(client, source)) return;
    this.#record({
      type: 'AuthenticationSucceeded',
      outcome: 'Success',
      message: 'A client was let in.',
    });
  }

  unidentified({ reason, message }: { reason: string; message: string }): void {
    this.#record({ type: 'AuthenticationFailed', outcome: 'Denied', reason, message });
  }

  toolCalled({ name, status, arguments: given }: AuditedCall): void {
    const own = this.#deps.isOwnTool(name);
    this.#record({
      type: own ? 'ToolCalled' : 'McpToolCalled',
      operation: own ? 'tools.call' : 'mcp.tools.call',
      outcome: OUTCOMES[status],
      ...(status !== 'ok' && { reason: status }),
      message: 'The model had a tool called.',
      resource: { type: own ? 'tool' : 'mcp', name },
      ...(this.#deps.withArguments(name) && { arguments: given }),
    });
  }

  ended({ reason, failed, status, model, tokens, started }: AuditedEnd): void {
    const denied = DENIALS.has(reason) || status === 401 || status === 403;
    this.#record({
      type: 'RequestMade',
      outcome: reason === 'None' ? 'Success' : denied ? 'Denied' : 'Failure',
      ...(reason !== 'None' && { reason }),
      message: failed ? 'A request failed.' : 'A request was answered.',
      ...{ status, model, tokens },
      ...(started !== undefined && { conversation: started }),
    });
    if (reason !== 'None') return;
    if (started !== undefined) this.#conversation('ConversationStarted', started, 'was started');
    const { operation, conversation } = this.#request;
    if (operation === 'conversations.delete' && conversation !== undefined) {
      this.#conversation('ConversationErased', conversation, 'was erased');
    }
  }

  #conversation(
    type: 'ConversationStarted' | 'ConversationErased',
    id: string,
    what: string,
  ): void {
    this.#record({
      type,
      outcome: 'Success',
      message: `A conversation ${what}.`,
      conversation: id,
      resource: { type: 'conversation', name: id },
    });
  }

  #record(
    event: Pick<AuditEvent, 'type' | 'outcome' | 'message'> & Partial<AuditEvent>,
  ): void {
    const { id, traceId, operation, source, conversation } = this.#request;
    const time = this.#deps.time();
    const known = { requestId: id, traceId, operation, source, conversation };
    this.#deps.record({ time, actor: this.#actor, ...known, ...event });
  }
}

const OUTCOMES = {
  ok: 'Success',
  cached: 'Success',
  error: 'Failure',
  failed: 'Failure',
  refused: 'Denied',
} as const;
