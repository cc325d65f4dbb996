import type { ActualCost } from '../guard/admission.ts';
import type { AttemptResult, Sink } from './attempt/attempt.ts';
import type { EndpointRequest } from './provider/provider.ts';
import type { NoEndpoint, Refused, RoutedRequest } from './pool/route.ts';

/** A request to the model. It may take several attempts at several endpoints. */
export interface ModelRequest extends RoutedRequest, Omit<EndpointRequest, keyof RoutedRequest> {
  sink: Sink;
  /** No further attempt can need the body, so its holder lets it go. Absent: an answer may be taken back. */
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

export type ModelAnswer = {
  /** Usage of all attempts. A figure that one of them did not learn is absent. */
  usage: Exclude<ActualCost, string>;
} & (
  | {
      kind: 'Answered';
      /** Result of the last attempt. */
      result: AttemptResult;
      /** Dependency of the last attempt. */
      dependency: string;
    }
  | Refused
  | NoEndpoint
);
