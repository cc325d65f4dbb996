/** A call that has begun. The list sets what is around it. */
export interface OpenCall {
  /** When it was granted, in milliseconds. */
  readonly grantedAt: number;
  before: OpenCall | undefined;
  after: OpenCall | undefined;
}

/** The calls that have begun and not ended, in the order in which they began. A call is in one list at most. */
export class OpenCalls {
  #last: OpenCall | undefined;

  begin(call: OpenCall): void {
    const before = this.#last;
    call.before = before;
    if (before !== undefined) before.after = call;
    this.#last = call;
  }

  /** Removes a call, if it is here. */
  end(call: OpenCall): void {
    const { before, after } = call;
    if (after !== undefined) after.before = before;
    else if (this.#last === call) this.#last = before;
    if (before !== undefined) before.after = after;
    call.before = undefined;
    call.after = undefined;
  }
}
