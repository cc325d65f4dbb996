import type { RequestDetection } from '../../security/incidents/incident.ts';

/** A client that the agent accepted. */
export interface KnownClient {
  /** Name of its API key or subject of its token; empty for an unknown client. */
  id: string;
  authentication: 'None' | 'APIKey' | 'JWT';
  /** Name in logs. Absent: an unknown client. */
  name?: string;
}

export interface EndedCall {
  name: string;
  input: unknown;
  /** `refused`: not made. `cached`: the result of another call. */
  status: 'ok' | 'error' | 'failed' | 'refused' | 'cached';
  /** Why the agent refused it, if the call was wrong. */
  misuse?: 'ArgumentsRefused' | 'EgressRefused' | undefined;
}

/** A refused action of a client. */
export interface DeniedRequest {
  reason: string;
  message: string;
  asset: RequestDetection['asset'];
  resource: { type: string; name: string };
  /** Whether it would have continued another client's conversation. */
  continues?: boolean;
}

/** How a request ended, with the facts known by then. */
export interface EndedRequest {
  /** Reason as in x-breakwater-reason; None for a normal answer. */
  reason: string;
  failed: boolean;
  /** Absent if no answer was sent. */
  status?: number | undefined;
  model?: string | undefined;
  inputTokens?: number | undefined;
  outputTokens?: number | undefined;
  conversation?: string | undefined;
  /** The endpoint's own id of the request. */
  upstreamId?: () => string | undefined;
}

/** Observes one request. No method throws. */
export interface RequestListener {
  identified(client: KnownClient): void;
  /** The agent refused the client. */
  unidentified(failure: { reason: string; message: string }): void;
  /** The client was let in and may not do what it asked for. */
  denied(refusal: DeniedRequest): void;
  /** Keeps room to record a call of a tool until the returned function is called; undefined if there is none. */
  reserve(): (() => void) | undefined;
  toolCalled(call: EndedCall): void;
  /** Something in the request may be an attack. */
  detected(detection: RequestDetection): void;
  ended(end: EndedRequest): void;
}

const nothing = (): void => undefined;

export const NO_LISTENER: RequestListener = {
  identified: nothing,
  unidentified: nothing,
  denied: nothing,
  reserve: () => nothing,
  toolCalled: nothing,
  detected: nothing,
  ended: nothing,
};
