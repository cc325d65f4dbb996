import { addAbortListener } from 'node:events';
import type { Clock } from '../guard/clock.ts';
import { MAX_TIMER_MS } from '../guard/clock.ts';
import { FAULTS } from '../errors/problems.ts';
import type { Problem } from '../errors/failure.ts';
import { Cut } from '../errors/fault.ts';
import type { CutCause } from '../errors/fault.ts';
import { reduce } from './stateMachine.ts';
import type { Effect, Event, Limits, State, StopReason, TurnEnd } from './stateMachine.ts';
import type { Environment, ModelOutcome, TurnUsage } from './environment.ts';
import type { RunGuard } from './runGuard.ts';
import type { Block, Message, Room, ToolResult, ToolUse } from './messages/messages.ts';

/** Observes a turn. */
export interface TurnObserver {
  /** Whether texts reach the client as they come. */
  readonly streams: boolean;
  onText(text: string): void;
  onToolCall(call: ToolUse): void;
  onToolResult(call: ToolUse, result: ToolResult): void;
}

export interface TurnDeps {
  environment: Environment;
  clock: Clock;
  limits: Limits;
  /** Timeout of the whole turn, in milliseconds. */
  timeoutMs: number;
  /** Aborts with a Cut when the client leaves or the process stops. */
  signal: AbortSignal;
  observer: TurnObserver;
  /** Absent: calls are unbounded. */
  runGuard?: Pick<RunGuard, 'judge'> | undefined;
}

/** How a turn ended. */
export interface TurnResult {
  messages: readonly Message[];
  /** Absent if the turn failed … */
  end?: TurnEnd;
  /** … and then this says why. */
  problem?: Problem;
  /** The model's last answer of this turn. */
  content: readonly Block[];
  modelCalls: number;
  toolCalls: number;
  usage: TurnUsage;
}

const STOPS: Partial<Record<CutCause, StopReason>> = {
  Drain: 'draining',
  ClientGone: 'client_gone',
};

const PROBLEMS: Record<StopReason, Problem> = {
  run_timeout: FAULTS.Deadline,
  draining: FAULTS.Drain,
  client_gone: FAULTS.ClientGone,
  // Only calls of tools report it, so the turn never fails by it.
  run_guard: FAULTS.Deadline,
};

/** Runs one turn of a conversation as the state machine says. */
export class Turn {
  readonly #deps: TurnDeps;
  readonly #own = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  #state: State;
  /** Text of the current answer so far. */
  #text = '';
  #problem: Problem | undefined;
  #result: TurnResult;

  /** `messages`: those before the turn. */
  constructor(messages: readonly Message[], deps: TurnDeps) {
    this.#deps = deps;
    this.#state = { phase: 'Idle', messages };
    this.#result = {
      messages,
      content: [],
      modelCalls: 0,
      toolCalls: 0,
      usage: { inputTokens: 0, outputTokens: 0 },
    };
  }

  /** Resolves when the turn has ended. Rejects only on a programming error. */
  async run(content: string | Block[]): Promise<TurnResult> {
    const { clock, timeoutMs, signal } = this.#deps;
    const cancel = clock.setTimer(Math.min(timeoutMs, MAX_TIMER_MS), () =>
      this.#stop('run_timeout'),
    );
    using _ = addAbortListener(signal, () => {
      const why: unknown = signal.reason;
      this.#stop((why instanceof Cut && STOPS[why.why]) || 'client_gone');
    });
    try {
      this.#handle({ type: 'Send', content });
      await this.#done.promise;
    } finally {
      cancel();
    }
    return { ...this.#result, messages: this.#state.messages };
  }

  #stop(reason: StopReason): void {
    this.#problem = PROBLEMS[reason];
    this.#handle({ type: 'Stop', reason, text: this.#text });
  }

  #handle(event: Event): void {
    const { limits, environment } = this.#deps;
    const room = (): Room | undefined => environment.room();
    const { state, effects } = reduce(this.#state, event, { ...limits, room });
    this.#state = state;
    for (const effect of effects) this.#act(effect);
  }

  #act(effect: Effect): void {
    switch (effect.type) {
      case 'CallModel':
        return this.#watch(this.#callModel(effect.messages));
      case 'RunTool':
        return this.#watch(this.#runTool(effect.call));
      case 'Cancel':
        // A cut of our own must not count against the endpoint.
        return this.#own.abort(new Cut('ClientGone'));
      case 'EndTurn':
        if (this.#own.signal.aborted && this.#text !== '') this.#keepText();
        this.#result.end = effect.end;
        return this.#done.resolve();
      case 'FailTurn':
        this.#result.problem = this.#problem ?? FAULTS.ClientGone;
        return this.#done.resolve();
      case 'Refuse':
        throw new Error(`a turn was refused as ${effect.reason}`);
    }
  }

  #keepText(): void {
    this.#result.content = [{ type: 'text', text: this.#text }];
  }

  #watch(work: Promise<void>): void {
    work.catch((error: unknown) => this.#done.reject(error));
  }

  async #callModel(messages: readonly Message[]): Promise<void> {
    const { environment, observer } = this.#deps;
    this.#text = '';
    const reader = {
      add: (text: string): void => {
        if (this.#own.signal.aborted) return;
        this.#text += text;
        observer.onText(text);
      },
      recall: (): boolean => {
        if (observer.streams && this.#text !== '') return false;
        this.#text = '';
        return true;
      },
    };
    const outcome = await environment.callModel(messages, reader, this.#own.signal);
    if (this.#own.signal.aborted) return;
    this.#settle(outcome);
  }

  #settle(outcome: ModelOutcome): void {
    this.#text = '';
    if (!outcome.ok) {
      this.#problem = outcome.problem;
      const { refused = false, tooLong = false } = outcome;
      this.#handle({ type: 'ModelFailed', refused, tooLong });
      return;
    }
    const { message, usage } = outcome;
    this.#result.modelCalls += 1;
    this.#result.usage.inputTokens += usage.inputTokens;
    this.#result.usage.outputTokens += usage.outputTokens;
    this.#result.content = message.content;
    this.#handle({ type: 'ModelAnswered', message });
  }

  async #runTool(call: ToolUse): Promise<void> {
    const { environment, observer, runGuard } = this.#deps;
    // A call may have ended the turn.
    if (this.#own.signal.aborted) return;
    const verdict = runGuard?.judge(call, this.#result.usage);
    if (verdict?.kind === 'Ends') return this.#stop('run_guard');
    this.#result.toolCalls += 1;
    observer.onToolCall(call);
    const result =
      verdict?.kind === 'Noted'
        ? noted(call, verdict.note)
        : await environment.runTool(call, this.#own.signal);
    if (this.#own.signal.aborted) return;
    observer.onToolResult(call, result);
    this.#handle({ type: 'ToolFinished', result });
  }
}

/** The result of a call that did not run. */
function noted({ id }: ToolUse, note: string): ToolResult {
  return { type: 'tool_result', tool_use_id: id, is_error: true, content: note };
}
