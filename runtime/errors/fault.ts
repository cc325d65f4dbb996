/**
 * Why a request was cut short from our side; the reason its signal carries. Attempt: the endpoint had its
 * fair time. Deadline: the time of the whole request is over, of which the endpoint may have had little.
 * Stream: a stream flowed for as long as one may.
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

/** What a request is cut with. */
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
