import type { AttemptResult, Sink } from './attempt/attempt.ts';
import type { Nowhere, Refused, RoutedRequest } from './pool/route.ts';

/** A request to be made to the model, in as many attempts at as many endpoints as it takes. */
export interface ModelRequest extends RoutedRequest {
  method: 'GET' | 'POST';
  /** Path and query below an endpoint's baseURL, such as /v1/messages. */
  path: string;
  /** Empty for a GET. */
  body: Buffer;
  stream: boolean;
  /** max_tokens as the body states it; absent when it states none that is valid. */
  maxTokens?: number | undefined;
  sink: Sink;
  /** Who asks, as far as clients can be told apart. */
  client?: string | undefined;
  /** Whether it is a turn of the agent itself, and no client's own request. */
  ownTurn?: boolean;
  /** Its place in the bulkhead of the agent, which it gives up while it waits for a retry. */
  place?: Place | undefined;
}

/** A place in a bulkhead. */
export interface Place {
  leave(): void;
  /** Takes a place again, perhaps after a wait for one; false when there is none to be had. */
  enter(signal: AbortSignal): Promise<boolean>;
}

/** How a request ended. */
export type ModelAnswer =
  | {
      kind: 'Answered';
      /** Of the last of its attempts. */
      result: AttemptResult;
      /** Where that was made. */
      dependency: string;
      /** Whether the retry budget of that dependency is used up. */
      budgetSpent?: boolean;
    }
  | (Refused & { budgetSpent?: boolean })
  | Nowhere;
