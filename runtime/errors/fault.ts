/**
 * Why the runtime cut a request. Attempt: the endpoint used up its share of the time. Deadline: the time of the
 * whole request is over, of which the endpoint may have had little. Stream: a stream reached its longest duration.
 */
export type CutCause =
  | 'Attempt'
  | 'Deadline'
  | 'FirstToken'
  | 'Stream'
  | 'StreamIdle'
  | 'TransportIdle'
  | 'ClientGone'
  | 'Drain';

/** Reason of the abort signal of a request that is cut. */
export class Cut extends Error {
  readonly why: CutCause;

  constructor(why: CutCause) {
    super(why);
    this.why = why;
  }
}

/** Why an attempt gave the client no whole answer. BrokeOff: the answer had begun. */
export type Fault =
  CutCause | 'Unsendable' | 'UpstreamUnreachable' | 'BrokeOff' | 'InvalidResponse';
