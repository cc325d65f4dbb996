/** A fault in a spec that passes the schema but cannot work. */
export interface Problem {
  /** Reason of the condition that shows it, such as InvalidPodTemplate. */
  reason: string;
  /** The fault and what to change. */
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
