import type { Admission, Rejection, Waiting } from './admission.ts';
import type { HeldPermit } from './heldPermit.ts';
import type { PlaceInStage, Stage } from './stage.ts';

/**
 * Takes a permit through the stages from `from` on. `waiting` is the place that it has already, if
 * it waited at an earlier one. A refusal gives back what it holds.
 */
export function pass(
  permit: HeldPermit,
  stages: readonly Stage[],
  now: number,
  from = 0,
  waiting?: WaitingAdmission,
): Admission | Waiting {
  for (let i = from; i < stages.length; i += 1) {
    const answer = stages[i]!.take(permit, now);
    if (answer === undefined) continue;
    if (answer !== 'Wait') return refusal(permit, answer, now);
    const place = waiting ?? new WaitingAdmission(permit, stages);
    place.at = i;
    const rejection = stages[i]!.queue(place, now);
    return rejection === undefined ? place : refusal(permit, rejection, now);
  }
  return permit;
}

function refusal(permit: HeldPermit, rejection: Rejection, now: number): Admission {
  permit.giveUp(now);
  return { kind: 'Rejection', rejection };
}

/** A permit that waits at one of the stages. */
export class WaitingAdmission implements Waiting, PlaceInStage {
  readonly kind = 'Waiting';
  readonly admission: Promise<Admission>;
  readonly permit: HeldPermit;
  /** Index of the stage it waits at. */
  at = 0;
  leave: (now: number) => void = () => undefined;
  private readonly stages: readonly Stage[];
  private readonly resolve: (admission: Admission) => void;
  private done = false;

  constructor(permit: HeldPermit, stages: readonly Stage[]) {
    const { promise, resolve } = Promise.withResolvers<Admission>();
    this.permit = permit;
    this.stages = stages;
    this.admission = promise;
    this.resolve = resolve;
  }

  proceed(now: number): void {
    const rejection = this.permit.recheck(now);
    if (rejection) {
      this.refuse(rejection, now);
      return;
    }
    const answer = pass(this.permit, this.stages, now, this.at + 1, this);
    if (answer.kind !== 'Waiting') this.finish(answer);
  }

  refuse(rejection: Rejection, now: number): void {
    if (this.done) return;
    this.permit.giveUp(now);
    this.finish({ kind: 'Rejection', rejection });
  }

  recheck(now: number): void {
    const rejection = this.permit.recheck(now);
    if (!rejection || this.done) return;
    this.leave(now);
    this.refuse(rejection, now);
  }

  cancel(): void {
    if (this.done) return;
    const now = this.permit.now();
    this.leave(now);
    this.permit.giveUp(now);
    this.finish({ kind: 'Rejection', rejection: LEFT });
  }

  private finish(admission: Admission): void {
    this.done = true;
    this.resolve(admission);
  }
}

/** For a caller that has left: nobody reads it. */
const LEFT: Rejection = { reason: 'Timeout', target: '', retryAfterMs: 0 };
