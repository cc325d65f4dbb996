import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { Rejection } from '../guard/admission.ts';
import type { AttemptResult, Expected, Sink } from './attempt/attempt.ts';
import type { RequestSize } from './attempt/estimate.ts';
import type { RawHeaders } from './transport/headers.ts';
import type { CutSignal } from '../errors/requestCut.ts';

/** A request to be made to the model, in as many attempts at as many endpoints as it takes. */
export interface ModelRequest {
  /** The configuration that it goes by to its end. */
  content: Content;
  /** Those of the configuration that this runtime supports. */
  endpoints: readonly Endpoint[];
  method: 'GET' | 'POST';
  /** Path and query below an endpoint's baseURL, such as /v1/messages. */
  path: string;
  /** What a good answer looks like. */
  expected: Expected;
  /** The caller's, in which its own credential may be. */
  headers: RawHeaders;
  /** Empty for a GET. */
  body: Buffer;
  stream: boolean;
  /** As the caller named it. */
  model: string;
  size: RequestSize;
  /** max_tokens as the body states it; absent when it states none that is valid. */
  maxTokens?: number | undefined;
  /** End of the whole request, on the monotonic clock. */
  deadlineAt: number;
  /** Aborted with a Cut when the caller leaves or the process does. */
  signal: CutSignal;
  sink: Sink;
  /** Who asks, as the cache tells callers apart; empty for nobody in particular. Absent: not to be answered from it. */
  principal?: string;
  /** Requests with the same key, such as those of one conversation, stay at one endpoint while it takes calls. */
  stickiness?: string | undefined;
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
  /** No endpoint took it; `mounted`: the credential is the agent's own. */
  | { kind: 'Refused'; rejection: Rejection; mounted: boolean }
  /** There is no endpoint to ask, perhaps because this key is missing. */
  | { kind: 'Nowhere'; missing?: NonNullable<Endpoint['credential']> };
