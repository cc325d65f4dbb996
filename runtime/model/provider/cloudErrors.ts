/** Errors of clouds: each has shapes of its own, and texts that name accounts, roles and projects. */
import { memberOf, stringMember } from '../../json/parsed.ts';
import { errorOf, saysTooLong } from '../../protocols/anthropicAnswer.ts';
import { headerValue } from '../transport/headers.ts';
import { errorBody } from './errorBody.ts';
import type { ErrorAnswer, ErrorKind, HeldError } from './provider.ts';

/** Kinds by status, where the text says nothing else. */
const KINDS: Readonly<Record<number, ErrorKind>> = {
  401: 'CredentialRefused',
  402: 'SpendLimit',
  403: 'CredentialRefused',
  404: 'ModelMissing',
  408: 'ServerError',
  424: 'ServerError',
  429: 'RateLimited',
  529: 'Overloaded',
};

/** Kinds that a text says at one of the statuses. */
const SAID: readonly [statuses: readonly number[], text: RegExp, kind: ErrorKind][] = [
  [[400, 404, 429], /ModelNotReady/, 'Overloaded'],
  [[400, 429], /Throttling|RESOURCE_EXHAUSTED/, 'RateLimited'],
  [[400], /on-demand throughput isn.t supported|model identifier is invalid/i, 'ModelMissing'],
  [[403], /access to the model/i, 'ModelMissing'],
  [[400], /invalid beta flag|Extra inputs are not permitted/i, 'FeatureRefused'],
];

export function cloudError({ status, headers, body }: ErrorAnswer): ErrorKind | undefined {
  const { type, message } = saidIn(headers, body);
  const said = SAID.find(
    ([statuses, text]) => statuses.includes(status) && text.test(`${type} ${message}`),
  );
  if (said) return said[2];
  if (status === 400 && (saysTooLong(message) || INPUT_TOO_LONG.test(message)))
    return 'PromptTooLong';
  return KINDS[status] ?? (status >= 500 ? 'ServerError' : undefined);
}

/** What Bedrock says of a prompt that is too long. Clients look for Anthropic's words. */
const INPUT_TOO_LONG = /^Input is too long/i;

/** Type and message of an error of any cloud. A stream of Google begins with an array. */
function saidIn(headers: ErrorAnswer['headers'], body: Buffer): { type: string; message: string } {
  const answer = errorBody(headers, body);
  const first: unknown = Array.isArray(answer) ? answer[0] : answer;
  const error = memberOf(first, 'error') ?? first;
  const any = (...names: string[]): string =>
    names.map((name) => stringMember(error, name)).find((text) => text !== '') ?? '';
  const type = headerValue(headers, 'x-amzn-errortype') ?? any('status', 'type', '__type', 'code');
  return { type, message: any('message', 'Message') };
}

/** Statuses at which the client can mend its request, and needs the provider's words. */
const SHOWN: ReadonlySet<number> = new Set([400, 413]);

const TEXTS: Readonly<Record<ErrorKind, string>> = {
  RateLimited: 'The provider limits the rate of requests.',
  SpendLimit: 'The spend limit at the provider is reached.',
  CredentialRefused: 'The provider refuses the credentials of the agent.',
  Overloaded: 'The model is overloaded.',
  ServerError: 'The provider failed.',
  ModelMissing: 'The endpoint does not have the model.',
  PromptTooLong: 'prompt is too long',
  FeatureRefused: 'The endpoint refuses a feature of the request.',
};

/** Statuses that mean something else to clients than the cloud meant. */
const STATUSES: Readonly<Partial<Record<ErrorKind, number>>> = {
  ServerError: 500,
  Overloaded: 529,
};

/** An error as clients see it: in the shape of their protocol, and in our words unless it concerns their request. */
export function shownError(answer: HeldError, kind: ErrorKind | undefined): HeldError {
  const { status: sent, headers } = answer;
  const status = sent >= 500 ? sent : ((kind && STATUSES[kind]) ?? sent);
  const text = textOf(answer, kind);
  const body = Buffer.from(errorOf(status, text));
  const kept = without(headers, BODY_HEADERS);
  return { status, statusText: '', headers: [...kept, 'content-type', 'application/json'], body };
}

function textOf({ status, headers, body }: HeldError, kind: ErrorKind | undefined): string {
  if (!SHOWN.has(status)) return kind ? TEXTS[kind] : `The provider answers HTTP ${status}.`;
  const { message } = saidIn(headers, body);
  if (message === '') return kind ? TEXTS[kind] : 'The provider refuses the request.';
  return INPUT_TOO_LONG.test(message) ? `${TEXTS.PromptTooLong}: ${message}` : message;
}

const BODY_HEADERS: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-type',
  'www-authenticate',
]);

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  return headers.filter((_, i) => !names.has(headers[i - (i % 2)]!.toLowerCase()));
}
