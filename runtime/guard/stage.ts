import type { Rejection } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';
import type { WaitingAdmission } from './waitingAdmission.ts';

/** One of the bounds that a call or a request passes, one after the other. */
export interface Stage {
  /** Gives the permit its share, or says why not, or that it has to wait. */
  take(permit: HeldPermit, now: number): Rejection | 'Wait' | undefined;
  /** Lets it wait after all, if there is room. */
  queue(waiting: WaitingAdmission, now: number): Rejection | undefined;
}
