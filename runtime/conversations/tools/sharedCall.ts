import { addAbortListener } from 'node:events';
import { Cut } from '../../errors/fault.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';

const LEFT: ToolAnswer = {
  outcome: IGNORED,
  text: 'The result was not waited for.',
  isError: true,
};

/** One call of a tool that answers all identical calls that begin meanwhile. */
export class SharedCall {
  readonly #cut = new AbortController();
  readonly #answer: Promise<ToolAnswer>;
  #waiting = 0;

  /** `call` never rejects. */
  constructor(call: (signal: AbortSignal) => Promise<ToolAnswer>) {
    this.#answer = call(this.#cut.signal);
  }

  /** Whether it ended because no caller was left. */
  get abandoned(): boolean {
    return this.#cut.signal.aborted;
  }

  /** Resolves when the call is over. */
  async over(): Promise<void> {
    await this.#answer;
  }

  /** The result. A caller that leaves by `signal` gets none; the call ends early when the last one leaves. */
  async join(signal: AbortSignal): Promise<ToolAnswer> {
    this.#waiting += 1;
    const { promise: left, resolve: leave } = Promise.withResolvers<ToolAnswer>();
    using _ = addAbortListener(signal, () => {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#cut.abort(new Cut('ClientGone'));
      leave(LEFT);
    });
    return await Promise.race([this.#answer, left]);
  }
}
