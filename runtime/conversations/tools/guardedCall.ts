import { addAbortListener } from 'node:events';
import type { Credential } from '../../guard/admission.ts';
import type { Rejection } from '../../errors/rejection.ts';
import type { Clock } from '../../guard/clock.ts';
import type { Guard } from '../../guard/guard.ts';
import type { Dependency } from '../../guard/dependency.ts';
import { awaitAdmission } from '../../guard/permit.ts';
import { Cut } from '../../errors/fault.ts';
import { LEAST_ATTEMPT_MS } from '../../model/attempt/attemptWatch.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';

export interface GuardedCallsDeps {
  guard: Pick<Guard, 'dependency'>;
  clock: Clock;
  onOutcome: (dependency: string, outcome: Outcome) => void;
}

export interface Guarded {
  timeoutMs: number;
  credential?: Credential;
  /** The client's header of a name in lower case, for limits by key. */
  header: (name: string) => string | undefined;
  /** Ends the call early. */
  signal: AbortSignal;
  /** Makes the call; `signal` aborts with a Cut. Never rejects. */
  call: (signal: AbortSignal) => Promise<ToolAnswer>;
}

/** Makes calls of tools behind their circuits, bounds and gates. */
export class GuardedCalls {
  readonly #deps: GuardedCallsDeps;

  constructor(deps: GuardedCallsDeps) {
    this.#deps = deps;
  }

  /** The calls of one dependency. */
  to(dependency: string): CallsTo {
    return new CallsTo(dependency, this.#deps);
  }
}

/** Calls of one tool or server. */
export class CallsTo {
  readonly #dependency: string;
  readonly #deps: GuardedCallsDeps;
  #handle: Dependency | undefined;

  constructor(dependency: string, deps: GuardedCallsDeps) {
    this.#dependency = dependency;
    this.#deps = deps;
  }

  /** The result of the call. A refusal is a result too, so that the model can continue without it. */
  async call(guarded: Guarded): Promise<ToolAnswer> {
    const { guard, clock } = this.#deps;
    const { timeoutMs, credential, header, signal } = guarded;
    const handle = (this.#handle ??= guard.dependency(this.#dependency));
    // A reload may have removed it since the turn began.
    if (handle?.present !== true) return GONE;
    const deadlineAt = clock.now() + timeoutMs;
    const asked = handle.acquire({
      deadlineAt,
      header,
      ...(credential && { credential }),
    });
    const admission = await awaitAdmission(asked, signal);
    if (admission.kind === 'Rejection') return this.#unavailable(admission.rejection);
    const { permit } = admission;
    let answer: ToolAnswer | undefined;
    try {
      answer = await this.#bounded(guarded, deadlineAt);
      if (answer.unauthorized === true && credential) permit.refused('Unauthorized');
      return answer;
    } finally {
      const outcome = answer?.outcome ?? IGNORED;
      permit.settle(outcome);
      this.#deps.onOutcome(this.#dependency, outcome);
    }
  }

  async #bounded({ timeoutMs, signal, call }: Guarded, deadlineAt: number): Promise<ToolAnswer> {
    const own = new AbortController();
    const onAbort = (): void => own.abort(new Cut('ClientGone'));
    using _ = addAbortListener(signal, onAbort);
    if (signal.aborted) onAbort();
    const left = Math.max(0, deadlineAt - this.#deps.clock.now());
    // A call that waited for most of its time says nothing about the tool.
    const why = left >= Math.min(LEAST_ATTEMPT_MS, timeoutMs / 2) ? 'Attempt' : 'Deadline';
    const cancel = this.#deps.clock.setTimer(left, () => own.abort(new Cut(why)));
    try {
      return await call(own.signal);
    } finally {
      cancel();
    }
  }

  #unavailable({ reason, retryAfterMs }: Rejection): ToolAnswer {
    const until = new Date(this.#deps.clock.date().getTime() + retryAfterMs).toISOString();
    const text = `The tool is unavailable until ${until} (${REASONS[reason]}). Go on without it.`;
    return { outcome: IGNORED, text, isError: true };
  }
}

const GONE: ToolAnswer = {
  outcome: IGNORED,
  text: 'The tool no longer exists. Go on without it.',
  isError: true,
};

const REASONS: Record<Rejection['reason'], string> = {
  CircuitBreakerOpen: 'its circuit is open because it failed',
  RateLimited: 'its rate limit is used up',
  BulkheadFull: 'it takes no more calls at a time',
  SpendLimit: 'its spend limit is reached',
  CredentialRefused: 'it refuses its credentials',
  Timeout: 'the wait for it took too long',
};
