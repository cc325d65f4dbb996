import type { RequestSighting } from '../../security/incidents/incident.ts';

/** A client that was let in. */
export interface KnownClient {
  /** Name of its API key, or the subject of its token; empty for everybody. */
  id: string;
  authentication: 'None' | 'APIKey' | 'JWT';
  /** What logs call it. Absent: nobody in particular. */
  name?: string;
}

/** A call of a tool that has ended. */
export interface EndedCall {
  name: string;
  input: unknown;
  /** Refused calls were not made; cached ones have the result of another call. */
  status: 'ok' | 'error' | 'failed' | 'refused' | 'cached';
  /** Why the agent refused it, if it was wrong. */
  misuse?: 'ArgumentsRefused' | 'EgressRefused' | undefined;
}

/** What a client may not do, and why. */
export interface DeniedRequest {
  reason: string;
  message: string;
  asset: RequestSighting['asset'];
  resource: { type: string; name: string };
}

/** How a request ended, and what is known of it by then. */
export interface EndedRequest {
  /** As in x-breakwater-reason; None for an answer as asked. */
  reason: string;
  failed: boolean;
  /** Absent when nothing was sent. */
  status?: number | undefined;
  model?: string | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  conversation?: string | undefined;
}

/** Hears what becomes of one request. None of its methods throws. */
export interface RequestListener {
  identified(client: KnownClient): void;
  /** The client is not let in. */
  unidentified(failure: { reason: string; message: string }): void;
  /** The client was let in and may not do what it asked for. */
  denied(refusal: DeniedRequest): void;
  toolCalled(call: EndedCall): void;
  /** Something in the request may be an attack. */
  sighted(sighting: RequestSighting): void;
  ended(end: EndedRequest): void;
}

const nothing = (): void => undefined;

export const NO_LISTENER: RequestListener = {
  identified: nothing,
  unidentified: nothing,
  denied: nothing,
  toolCalled: nothing,
  sighted: nothing,
  ended: nothing,
};
