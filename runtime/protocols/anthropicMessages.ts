/** The Messages API of Anthropic (https://platform.claude.com/docs/en/api/messages). */
import type { Failure, Reason } from '../errors/failure.ts';
import { UsageMeter, errorEventOf } from './anthropicAnswer.ts';
import { MessagesText, textOverBlocks, tracedAnswer, tracedRequest } from './anthropicContent.ts';
import {
  REQUEST_MEMBERS,
  bodyFor,
  cacheUse,
  newestTurn,
  promptTexts,
  readRequest,
} from './anthropicRequest.ts';
import type { ModelRoute, Protocol } from './protocol.ts';

/** Error types of our own answers. */
const ERROR_TYPES: Record<Reason, string> = {
  RateLimited: 'rate_limit_error',
  CircuitBreakerOpen: 'overloaded_error',
  BulkheadFull: 'overloaded_error',
  BodiesFull: 'overloaded_error',
  Draining: 'overloaded_error',
  Timeout: 'timeout_error',
  InvalidRequest: 'invalid_request_error',
  PromptBlocked: 'invalid_request_error',
  AnswerBlocked: 'invalid_request_error',
  RequestTimeout: 'timeout_error',
  HeadersTooLarge: 'invalid_request_error',
  NotFound: 'not_found_error',
  ConversationNotFound: 'not_found_error',
  ConversationLost: 'not_found_error',
  ConversationBusy: 'invalid_request_error',
  ConversationOvertaken: 'invalid_request_error',
  StoreUnavailable: 'api_error',
  ConversationsFull: 'overloaded_error',
  ConversationMemoryFull: 'overloaded_error',
  ModelOverloaded: 'overloaded_error',
  ModelRefused: 'invalid_request_error',
  ModelFailed: 'api_error',
  TooLarge: 'request_too_large',
  UpstreamUnreachable: 'api_error',
  InvalidResponse: 'api_error',
  Unauthorized: 'authentication_error',
  Forbidden: 'permission_error',
  ClientBlocked: 'permission_error',
  ClientThrottled: 'rate_limit_error',
  AuthThrottled: 'rate_limit_error',
  AuthUnavailable: 'api_error',
  ScreenUnavailable: 'api_error',
  AuditUnavailable: 'api_error',
  CredentialRefused: 'api_error',
  IdentityUnavailable: 'api_error',
  SpendLimit: 'api_error',
  ProgramUnavailable: 'api_error',
  ProgramRateLimited: 'rate_limit_error',
  NotCached: 'not_found_error',
  Starting: 'overloaded_error',
  NotConfigured: 'api_error',
  Internal: 'api_error',
};

function errorBody({ reason, message }: Failure, requestId: string): string {
  const error = { type: ERROR_TYPES[reason], message };
  return JSON.stringify({ type: 'error', error, request_id: requestId });
}

export const anthropicMessages: Protocol = {
  vendor: 'Anthropic',
  served: 'POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/ID',
  get routes() {
    return ROUTES;
  },
  route: (method, path) => {
    const found = ROUTES.find((each) => each.route === path) ?? (MODEL.test(path) && MODELS);
    return found && found.method === method ? found : undefined;
  },
  tokenBound: 'max_tokens',
  members: REQUEST_MEMBERS,
  read: readRequest,
  bodyFor,
  cacheUse,
  promptTexts,
  newestTurn,
  tracedRequest,
  meter: (ratio, keepsContent) => new UsageMeter(ratio, keepsContent),
  tracedAnswer,
  answerText: () => new MessagesText(),
  textOverBlocks,
  ping: Buffer.from('event: ping\ndata: {"type":"ping"}\n\n'),
  isPing: ({ event }) => event === 'ping',
  streamEnd: Buffer.from('event: message_stop\ndata: {"type":"message_stop"}\n\n'),
  errorEventOf,
  errorBody,
  errorEvent: (failure, requestId) => `event: error\ndata: ${errorBody(failure, requestId)}\n\n`,
};

const MESSAGES: ModelRoute = {
  protocol: anthropicMessages,
  route: '/v1/messages',
  method: 'POST',
  kind: 'Messages',
  operation: 'messages.create',
};
const COUNT_TOKENS: ModelRoute = {
  protocol: anthropicMessages,
  route: '/v1/messages/count_tokens',
  method: 'POST',
  kind: 'CountTokens',
  operation: 'messages.count_tokens',
};
const MODELS: ModelRoute = {
  protocol: anthropicMessages,
  route: '/v1/models',
  method: 'GET',
  kind: 'Models',
  operation: 'models.list',
};
const ROUTES = [MESSAGES, COUNT_TOKENS, MODELS];
/** Path of one model by its id, which may contain slashes, but nothing that leads elsewhere. */
const MODEL = /^\/v1\/models\/[A-Za-z0-9][\w.:@-]*(?:(?:\/|%2[Ff])[A-Za-z0-9][\w.:@-]*)*$/;
