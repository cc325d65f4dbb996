import type { Rejection } from './rejection.ts';
import { Cut } from './fault.ts';
import type { Fault } from './fault.ts';
import type { Failure, Problem } from './failure.ts';

/** A pod with a restarted container still gets requests for a moment, because Services count it as ready. */
export const STARTING: Failure = {
  reason: 'Starting',
  message: 'The agent has no configuration yet.',
  retryAfterMs: 1000,
};
export const NOT_CONFIGURED: Failure = {
  reason: 'NotConfigured',
  message: 'The agent has no model endpoint that it can use.',
};

const TIMEOUT: Failure = { reason: 'Timeout', message: 'The model did not answer in time.' };

/** Answers to the client after an attempt without a whole answer. */
export const FAULTS: Record<Fault, Problem> = {
  ClientGone: 'Gone',
  Attempt: TIMEOUT,
  Deadline: TIMEOUT,
  FirstToken: TIMEOUT,
  Stream: { reason: 'Timeout', message: 'The answer of the model took longer than a stream may.' },
  StreamIdle: { reason: 'Timeout', message: 'The answer of the model stalled.' },
  TransportIdle: { reason: 'Timeout', message: 'The answer of the model stalled.' },
  Drain: { reason: 'Draining', message: 'The agent is shutting down.', retryAfterMs: 1000 },
  UpstreamUnreachable: { reason: 'UpstreamUnreachable', message: 'The model is unreachable.' },
  BrokeOff: {
    reason: 'InvalidResponse',
    message: 'The answer of the model broke off before it was complete.',
  },
  InvalidResponse: {
    reason: 'InvalidResponse',
    message: 'The model endpoint broke its protocol before its answer was whole.',
  },
  Unsendable: {
    reason: 'InvalidRequest',
    message: 'The request has a header or a path that cannot be passed on.',
  },
};

/** Answer to the client of a request that was cut; undefined if it was not. */
export function cutProblem({ signal }: AbortController): Problem | undefined {
  const why: unknown = signal.reason;
  return why instanceof Cut ? FAULTS[why.why] : undefined;
}

/** Answer to the client after a rejection. `mounted`: whether the credential is the agent's own. */
export function rejected(rejection: Rejection, mounted = true): Failure {
  const { reason, target, retryAfterMs } = rejection;
  if (reason === 'CredentialRefused' && !mounted) {
    const message = `The endpoint ${target} has refused these credentials.`;
    return { reason: 'Unauthorized', message, retryAfterMs };
  }
  return { reason, message: MESSAGES[reason](rejection), retryAfterMs };
}

const MESSAGES: Record<Rejection['reason'], (rejection: Rejection) => string> = {
  CircuitBreakerOpen: ({ target, retryAfterMs }) =>
    `The circuit of ${target} is open. It admits a probe in ${seconds(retryAfterMs)}; another pod may serve earlier.`,
  RateLimited: ({ target, policy, limit, retryAfterMs }) =>
    limit === undefined
      ? `The provider of ${target} limits the rate of requests. It may be asked again in ${seconds(retryAfterMs)}.`
      : `The limit ${limit}${policy === undefined ? '' : ` of policy ${policy}`} on ${target} is used up.`,
  BulkheadFull: ({ target }) =>
    target === 'inbound'
      ? 'The agent serves as many requests as it may.'
      : `There are as many calls to ${target} as there may be.`,
  SpendLimit: ({ target }) => `The spend limit at the provider of ${target} is reached.`,
  CredentialRefused: ({ target }) => `The provider of ${target} refuses the agent's API key.`,
  Timeout: ({ target }) => `The request waited for ${target} until its time was over.`,
};

function seconds(ms: number): string {
  return `${Math.max(1, Math.ceil(ms / 1000))} s`;
}

/** Time to wait for the next exchange, in milliseconds. */
const IDENTITY_MS = 5000;

/** Why no endpoint could be asked. */
export interface NoEndpointProblem {
  /** A key of a Secret that is missing. */
  missing?: { secret: string; key: string };
  /** Whether an identity has no credentials. */
  unavailable?: boolean;
  /** What keeps the request from the first endpoint that cannot take it. */
  obstacle?: 'Route' | 'Model' | 'Size' | 'Beta' | undefined;
}

/** Answer to the client of a request for `model` if no endpoint could be asked. */
export function noEndpoint(
  { missing, unavailable = false, obstacle }: NoEndpointProblem,
  model: string,
): Failure {
  if (unavailable) return IDENTITY_UNAVAILABLE;
  if (missing) return credentialMissing(missing);
  return obstacle === undefined ? NOT_CONFIGURED : untaken(obstacle, model);
}

function untaken(obstacle: 'Route' | 'Model' | 'Size' | 'Beta', model: string): Failure {
  if (obstacle === 'Size') {
    const message =
      'The body is larger than any endpoint of the agent takes. Send less, such as smaller images.';
    return { reason: 'TooLarge', message };
  }
  const message =
    obstacle === 'Model'
      ? `model: no endpoint of the agent serves ${JSON.stringify(model)}. Name one that an endpoint has in models.`
      : 'No endpoint of the agent has this route: its providers do not serve it.';
  return { reason: 'NotFound', message };
}

const IDENTITY_UNAVAILABLE: Failure = {
  reason: 'IdentityUnavailable',
  message: 'The agent has no valid credentials of its own at the cloud of the model.',
  retryAfterMs: IDENTITY_MS,
};

/** Answer to the client if the Secret of an endpoint or its key is missing. */
function credentialMissing({ secret, key }: { secret: string; key: string }): Failure {
  return {
    reason: 'CredentialRefused',
    message: `The agent lacks a credential of the endpoint: Secret ${secret} lacks ${key}.`,
  };
}
