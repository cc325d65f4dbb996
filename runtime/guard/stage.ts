import type { Rejection } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';

/** One of the bounds that a call or a request passes, one after the other. */
export interface Stage {
  /** Gives the permit its share, or says why not, or that it has to wait. */
  take(permit: HeldPermit, now: number): Rejection | 'Wait' | undefined;
  /** Lets it wait after all, if there is room. */
  queue(place: PlaceInStage, now: number): Rejection | undefined;
}

/** A permit that waits at a stage, as that stage sees it. */
export interface PlaceInStage {
  readonly permit: HeldPermit;
  /** Gives up its place; to be set by the stage. */
  leave: (now: number) => void;
  /** The stage has given the permit its share. */
  proceed(now: number): void;
  /** The stage, which has let go of its place, refuses it. */
  refuse(rejection: Rejection, now: number): void;
  /** Refuses it if it would not get this far any more. */
  recheck(now: number): void;
}
