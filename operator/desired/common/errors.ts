/** Something in a spec that the schema accepts but that cannot work. */
export interface Problem {
  /** Reason of the condition that shows it, such as InvalidPodTemplate. */
  reason: string;
  /** What is wrong and what to change. */
  message: string;
}

/** A Problem as an error, thrown by the builders and caught by the plan. */
export class InvalidSpecError extends Error implements Problem {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'InvalidSpecError';
    this.reason = reason;
  }
}
