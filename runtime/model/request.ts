import type { AttemptResult, Sink } from './attempt/attempt.ts';
import type { RequestMembers } from './attempt/estimate.ts';
import type { NoEndpoint, Refused, RoutedRequest } from './pool/route.ts';

/** A request to the model. It may take several attempts at several endpoints. */
export interface ModelRequest extends RoutedRequest {
  method: string;
  /** Path and query below an endpoint's baseURL, such as /v1/messages. */
  path: string;
  /** Empty for a GET. */
  body: Buffer;
  stream: boolean;
  /** max_tokens of the body; absent if it has no valid one. */
  maxTokens?: number | undefined;
  /** Where model and max_tokens are in the body; absent if it goes unchanged. */
  members?: RequestMembers | undefined;
  sink: Sink;
  /** No further attempt can need the body, so each holder lets it go. Absent: an answer may be taken back. */
  bodyDone?: (() => void) | undefined;
  /** Principal of the client; absent for an unknown one. */
  client?: string | undefined;
  /** Whether the agent itself makes the request in a turn. */
  ownTurn?: boolean;
  /** Place in the agent's bulkhead, which it gives up while it waits for a retry. */
  place?: Place | undefined;
}

export interface Place {
  leave(): void;
  /** Takes a place again and may wait for it; false if there is none. */
  enter(signal: AbortSignal): Promise<boolean>;
}

export type ModelAnswer =
  | {
      kind: 'Answered';
      /** Result of the last attempt. */
      result: AttemptResult;
      /** Dependency of the last attempt. */
      dependency: string;
    }
  | Refused
  | NoEndpoint;
