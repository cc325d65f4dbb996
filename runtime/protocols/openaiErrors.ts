/** Errors of OpenAI's APIs and of servers that imitate them (https://platform.openai.com/docs/guides/error-codes). */
import type { Failure, Reason } from '../errors/failure.ts';
import { memberOf, stringMember } from '../json/parsed.ts';
import type { GateReason } from '../resilience/gates.ts';
import { IGNORED, failure } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';

/** Whose fault an error is. */
type Cause =
  'SpendLimit' | 'RateLimited' | 'Unauthorized' | 'Overloaded' | 'ServerError' | 'Client';

/** By code or type. Any other is a ServerError. */
const CAUSES: Readonly<Record<string, Cause>> = {
  insufficient_quota: 'SpendLimit',
  billing_hard_limit_reached: 'SpendLimit',
  rate_limit_exceeded: 'RateLimited',
  rate_limit_error: 'RateLimited',
  invalid_api_key: 'Unauthorized',
  authentication_error: 'Unauthorized',
  engine_overloaded: 'Overloaded',
  overloaded_error: 'Overloaded',
  server_is_overloaded: 'Overloaded',
  slow_down: 'Overloaded',
  invalid_request_error: 'Client',
  invalid_prompt: 'Client',
  content_filter: 'Client',
  context_length_exceeded: 'Client',
  model_not_found: 'Client',
  BadRequestError: 'Client',
  NotFoundError: 'Client',
};

/** The status for an error within an answer of success. */
const STATUSES: Record<Cause, number> = {
  SpendLimit: 429,
  RateLimited: 429,
  Unauthorized: 401,
  Overloaded: 503,
  ServerError: 500,
  Client: 400,
};

const GATES: Partial<Record<Cause, GateReason>> = {
  SpendLimit: 'SpendLimit',
  RateLimited: 'RateLimited',
  Unauthorized: 'Unauthorized',
};

/** An error within an answer that began with a status of success. */
export interface StatedError {
  status: number;
  outcome: Outcome;
  gate: GateReason | undefined;
}

/** Reads the error by its code, else by its type. Some servers send a status as its code. */
export function statedError(error: unknown): StatedError {
  const cause = causeOf(error);
  return {
    status: STATUSES[cause],
    outcome: outcomeOf(cause),
    gate: Object.hasOwn(GATES, cause) ? GATES[cause] : undefined,
  };
}

function causeOf(error: unknown): Cause {
  const code = memberOf(error, 'code');
  if (typeof code === 'number') return causeOfStatus(code);
  for (const name of [code, memberOf(error, 'type')]) {
    if (typeof name === 'string' && Object.hasOwn(CAUSES, name)) return CAUSES[name]!;
  }
  return 'ServerError';
}

function causeOfStatus(status: number): Cause {
  if (status === 401) return 'Unauthorized';
  if (status === 402) return 'SpendLimit';
  if (status === 429) return 'RateLimited';
  if (status === 503 || status === 529) return 'Overloaded';
  return status >= 400 && status < 500 ? 'Client' : 'ServerError';
}

/** A refused credential says nothing of the endpoint. */
function outcomeOf(cause: Cause): Outcome {
  if (cause === 'Client' || cause === 'Unauthorized' || cause === 'SpendLimit') return IGNORED;
  return failure(cause, 'error in the answer');
}

/** The error in an error answer. Some servers send it without its frame. */
export function errorIn(answer: unknown): unknown {
  return memberOf(answer, 'error') ?? answer;
}

/** Whether an error answer reports a spend limit. */
export function statesSpendLimit(answer: unknown): boolean {
  return causeOf(errorIn(answer)) === 'SpendLimit';
}

/** Whether an error answer says that the endpoint has no such model. */
export function lacksModel(answer: unknown): boolean {
  return MISSING_MODEL.test(textsOf(errorIn(answer)));
}

/** Whether an error answer says that the prompt is too long. */
export function saysTooLong(answer: unknown): boolean {
  return TOO_LONG.test(textsOf(errorIn(answer)));
}

function textsOf(error: unknown): string {
  return ['code', 'type', 'message'].map((name) => stringMember(error, name)).join('\n');
}

/** OpenAI's code, Azure's, and the messages of vLLM, SGLang and Ollama. */
const MISSING_MODEL = /model_not_found|DeploymentNotFound|model\b.*(?:does not exist|not found)/i;
/** OpenAI's code and message, and the messages of vLLM and llama.cpp. */
const TOO_LONG =
  /context_length_exceeded|exceed_context_size|maximum context length|exceeds the (?:available )?context|prompt is too long/i;

/** Types of our own errors; those of all others are server_error. */
const TYPES: Partial<Record<Reason, string>> = {
  RateLimited: 'rate_limit_error',
  ClientThrottled: 'rate_limit_error',
  AuthThrottled: 'rate_limit_error',
  Unauthorized: 'authentication_error',
  Forbidden: 'permission_error',
  ClientBlocked: 'permission_error',
  InvalidRequest: 'invalid_request_error',
  PromptBlocked: 'invalid_request_error',
  AnswerBlocked: 'invalid_request_error',
  RequestTimeout: 'invalid_request_error',
  HeadersTooLarge: 'invalid_request_error',
  NotFound: 'invalid_request_error',
  TooLarge: 'invalid_request_error',
};

function errorOf({ reason, message }: Failure): object {
  return { message, type: TYPES[reason] ?? 'server_error', param: null, code: reason };
}

/** An error of our own. Its code is our reason. */
export function errorBody(failed: Failure, requestId: string): string {
  return JSON.stringify({ error: errorOf(failed), request_id: requestId });
}

const UNREADABLE = {
  message: 'The model endpoint answered with an error.',
  type: 'server_error',
  param: null,
  code: null,
};

/** The error of an answer as clients read it. One that cannot be read becomes a plain server_error. */
export function readableError(answer: unknown): object {
  const error = errorIn(answer);
  const readable = stringMember(error, 'message') !== '';
  return readable ? (error as object) : UNREADABLE;
}

/** The error of our own as `readableError` gives it. */
export function ownError(failed: Failure): object {
  return errorOf(failed);
}
