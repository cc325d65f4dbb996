/** A fault of a spec that the schema allows but that cannot work. */
export interface Problem {
  /** Reason of the condition that shows it, such as InvalidPodTemplate. */
  reason: string;
  /** The fault and what to change. */
  message: string;
}

/** A Problem as an error. Builders throw it, and planAgent catches it. */
export class InvalidSpecError extends Error implements Problem {
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'InvalidSpecError';
    this.reason = reason;
  }
}
