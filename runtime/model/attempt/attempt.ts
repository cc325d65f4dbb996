import type { RemoteContext } from '../../../tracing/span.ts';
import type { Permit } from '../../guard/permit.ts';
import type { ByteBudget } from '../../resilience/byteBudget.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { AttemptWatch } from './attemptWatch.ts';
import type { RawHeaders } from '../transport/headers.ts';
import type { Fault } from '../../errors/fault.ts';
import type { AnswerMeter } from '../../protocols/protocol.ts';
import type { Usage } from '../../protocols/usage.ts';
import type { EndpointRequest, EndpointTarget, ErrorKind } from '../provider/provider.ts';

/** Where an answer goes. */
export interface Sink {
  /** Sends status and headers at once. `appendable`: an error event may follow the body. */
  head(status: number, statusText: string, headers: string[], appendable: boolean): void;
  /**
   * Sends a chunk. Undefined: there is room for more; else a promise that resolves when there is, or when the reader
   * has gone.
   */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Ends the answer, with a last chunk if given. */
  end(last?: Buffer): void;
  /** Whether a write is waiting for the client to read. */
  readonly blocked: boolean;
  /** Takes back all that it got, if nothing has reached the client. Whether it could. Absent: it cannot. */
  recall?(): boolean;
  /** Whether it takes events that are too large to be held back, piece by piece. Absent: it does. */
  readonly takesPieces?: boolean;
}

/** Where the answer of a request goes, over all its attempts. */
export interface AnswerSink extends Sink {
  /** Notes the head of a stream whose content may be late. */
  offer(head: AnswerHead): void;
  recall(): boolean;
}

/** One attempt at an endpoint. */
export interface Attempt {
  request: EndpointRequest;
  to: EndpointTarget;
  /** Replaces the client's trace context. Absent: the client's stays. */
  context?: RemoteContext | undefined;
  /** Ends the attempt early; its reason is a Cut. */
  signal: AbortSignal;
  answer: AnswerSink;
  /** Gets notified of all that arrives, and cuts the attempt when nothing does. */
  watch: Pick<
    AttemptWatch,
    'began' | 'bytes' | 'event' | 'firstToken' | 'complete' | 'unstreamed' | 'unstreamedBytes'
  >;
  meter: AnswerMeter;
  /** Bears what is held back of the answer. */
  budget: ByteBudget;
  /** Wall clock, for dates in headers. */
  date: () => Date;
  permit: Pick<Permit, 'firstToken'>;
  /** The headers of the answer have come. */
  onHeaders(headers: RawHeaders): void;
}

export interface AnswerHead {
  status: number;
  statusText: string;
  headers: string[];
}

/** An answer of the endpoint that was read but not passed on. */
export interface HeldAnswer extends AnswerHead {
  body: Buffer;
}

/** What an answer says about the credential of the request, not about the endpoint. */
export interface Refusal {
  gate: 'RateLimited' | 'SpendLimit' | 'Unauthorized';
  /** Absent: the endpoint does not say. */
  retryAfterMs?: number;
}

/** How an attempt ended. */
export interface AttemptResult {
  /** For the circuit. */
  outcome: Outcome;
  /** Status of the endpoint's answer; absent when there was none. */
  status?: number;
  /** Headers of the endpoint's answer; absent when there was none. */
  headers?: RawHeaders;
  /** Whether anything reached the client; if not, held or fault is still to be answered. */
  committed: boolean;
  /** The client has only a part of an event, because it was too large to be held back. */
  torn?: boolean;
  /** An error answer that reaches the client unless another attempt is made. */
  held?: HeldAnswer | undefined;
  /** Whether the request was never written to a connection. */
  unsent?: boolean;
  /** Absent when the endpoint's answer is the client's answer. */
  fault?: Fault | undefined;
  refusal?: Refusal | undefined;
  /** What an error answer says. */
  error?: ErrorKind | undefined;
  /** Time that the endpoint asked to wait before another attempt, in milliseconds. */
  retryAfterMs?: number | undefined;
  /** Time until the gate of the credential admits a call, if the attempt shut it, in milliseconds. */
  shutMs?: number;
  /** Whether the refused key served a call a few seconds ago. */
  keyServed?: boolean;
  /** The endpoint said that another attempt is pointless. */
  final?: boolean;
  /** Whether the answer was whole, so that `usage` is final. */
  whole: boolean;
  usage: Usage;
}
