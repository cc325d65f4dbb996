import type {
  DeniedRequest,
  EndedCall,
  EndedRequest,
  KnownClient,
  RequestListener,
} from '../../observe/trace/requestListener.ts';
import type { Actor, AuditEvent } from './event.ts';

/** Facts that are known when a request begins. */
export interface AuditedRequest {
  id: string;
  traceId?: string | undefined;
  /** Such as messages.create. */
  operation: string;
  /** Address of the client. */
  source: string | undefined;
}

export interface RequestRecordDeps {
  /** Wall clock, in milliseconds. */
  time(): number;
  record(event: AuditEvent): void;
  reserve(): (() => void) | undefined;
  /** How the agent authenticates clients at present. */
  authentication: KnownClient['authentication'];
  /** Whether to record this client's success. */
  recordsSuccess(client: KnownClient, source: string | undefined): boolean;
  /** Whether to record the arguments of this tool. */
  withArguments(tool: string): boolean;
  /** Whether the tool is in the spec; otherwise it is one of an MCP server. */
  isOwnTool(tool: string): boolean;
  conversation(): string | undefined;
  /** Id of the credential that the request shows, which does not disclose it; undefined if it shows none. */
  credential(): string | undefined;
}

/** Reasons for which the agent refuses a request, in contrast to failures. */
const DENIALS: ReadonlySet<string> = new Set([
  ...[
    'Unauthorized',
    'Forbidden',
    'ClientBlocked',
    'ClientThrottled',
    'AuthThrottled',
    'RateLimited',
    'BulkheadFull',
    'Draining',
    'PromptBlocked',
    'AnswerBlocked',
  ],
  ...[
    'AuditUnavailable',
    'ScreenUnavailable',
    'InvalidRequest',
    'TooLarge',
    'HeadersTooLarge',
    'RequestTimeout',
  ],
  'BodiesFull',
]);

/** Another pod's status says how a forwarded request ended. */
function isSuccess(reason: string, status = 500): boolean {
  return reason === 'None' || (reason === 'Forwarded' && status < 400);
}

/** The resource of a request: its conversation or model, else the agent. */
function resourceOf(
  conversation: string | undefined,
  model: string | undefined,
): AuditEvent['resource'] {
  if (conversation !== undefined) return { type: 'conversation', name: conversation };
  return model === undefined ? undefined : { type: 'model', name: model };
}

function tokensOf({ inputTokens, outputTokens }: EndedRequest): NonNullable<AuditEvent['tokens']> {
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
  };
}

const CALLS = {
  ok: 'Success',
  cached: 'Success',
  error: 'Failure',
  failed: 'Failure',
  refused: 'Denied',
} as const;

/** Records one request in the audit. */
export class RequestRecord implements RequestListener {
  readonly #deps: RequestRecordDeps;
  readonly #request: AuditedRequest;
  #actor: Actor;

  constructor(request: AuditedRequest, deps: RequestRecordDeps) {
    this.#request = request;
    this.#deps = deps;
    this.#actor = { kind: 'Client', id: '', authentication: deps.authentication };
  }

  identified({ id, authentication }: KnownClient): void {
    this.#actor = { kind: 'Client', id, authentication };
    if (authentication === 'None') return;
    if (!this.#deps.recordsSuccess({ id, authentication }, this.#request.source)) return;
    this.#record({
      type: 'AuthenticationSucceeded',
      outcome: 'Success',
      message: 'A client was let in.',
    });
  }

  unidentified({ reason, message }: { reason: string; message: string }): void {
    const outcome = DENIALS.has(reason) ? 'Denied' : 'Failure';
    this.#actor = {
      kind: 'Client',
      id: this.#unknownId(),
      authentication: this.#deps.authentication,
    };
    this.#record({ type: 'AuthenticationFailed', outcome, reason, message });
  }

  /** The address of a client that was not let in, and the id of the credential that it showed. */
  #unknownId(): string {
    const ids = [this.#request.source, this.#deps.credential()];
    return ids.filter((id) => id !== undefined).join('/');
  }

  reserve(): (() => void) | undefined {
    return this.#deps.reserve();
  }

  toolCalled({ name, status, input }: EndedCall): void {
    const own = this.#deps.isOwnTool(name);
    this.#record({
      type: own ? 'ToolCalled' : 'McpToolCalled',
      operation: own ? 'tools.call' : 'mcp.tools.call',
      outcome: CALLS[status],
      ...(status !== 'ok' && { reason: status }),
      message: 'The model asked for a tool.',
      resource: { type: own ? 'tool' : 'mcp', name },
      ...(this.#deps.withArguments(name) && { arguments: input }),
    });
  }

  denied({ reason, message, resource }: DeniedRequest): void {
    this.#record({ type: 'AuthorizationDenied', outcome: 'Denied', reason, message, resource });
  }

  /** An incident has an event of its own. */
  detected(): void {
    return undefined;
  }

  ended(end: EndedRequest): void {
    const { reason, status, model, conversation } = end;
    const upstreamId = end.upstreamId?.();
    const success = isSuccess(reason, status);
    const tokens = tokensOf(end);
    this.#record({
      type: 'RequestMade',
      outcome: success ? 'Success' : DENIALS.has(reason) ? 'Denied' : 'Failure',
      ...(reason !== 'None' && { reason }),
      message: success ? 'A request was answered.' : 'A request was not answered as asked.',
      ...{ status, model, conversation, resource: resourceOf(conversation, model) },
      ...(upstreamId !== undefined && { upstreamId }),
      ...(Object.keys(tokens).length > 0 && { tokens }),
    });
    if (success && conversation !== undefined) this.#conversationChanged(conversation);
  }

  #conversationChanged(id: string): void {
    const { operation } = this.#request;
    const started = operation === 'conversations.create';
    if (!started && operation !== 'conversations.delete') return;
    this.#record({
      type: started ? 'ConversationStarted' : 'ConversationErased',
      outcome: 'Success',
      message: `A conversation was ${started ? 'started' : 'erased'}.`,
      conversation: id,
      resource: { type: 'conversation', name: id },
    });
  }

  #record(event: Pick<AuditEvent, 'type' | 'outcome' | 'message'> & Partial<AuditEvent>): void {
    const { id, traceId, operation, source } = this.#request;
    const time = this.#deps.time();
    const conversation = this.#deps.conversation();
    const known = { requestId: id, traceId, operation, source, conversation };
    this.#deps.record({ time, actor: this.#actor, ...known, ...event });
  }
}
