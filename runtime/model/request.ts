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
}

/** How a request ended. */
export type ModelAnswer =
  | {
      kind: 'Answered';
      /** Of the last of its attempts. */
      result: AttemptResult;
      /** Where that was made. */
      dependency: string;
    }
  | Refused
  | Nowhere;
