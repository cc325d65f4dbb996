/** Why a request was cut short from our side; the reason its signal carries. */
export type CutCause =
  'Deadline' | 'FirstToken' | 'StreamIdle' | 'TransportIdle' | 'ClientGone' | 'Drain';

/** What a request is cut with. */
export class Cut extends Error {
  readonly why: CutCause;

  constructor(why: CutCause) {
    super(why);
    this.why = why;
  }
}

/** Why an attempt gave the client no whole answer. */
export type Fault = CutCause | 'Unsendable' | 'UpstreamUnreachable' | 'InvalidResponse';
