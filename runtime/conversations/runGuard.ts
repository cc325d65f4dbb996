import { canonicalHash } from '../../contract/canonical.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { RequestDetection } from '../security/incidents/incident.ts';
import type { TurnUsage } from './environment.ts';
import type { ToolUse } from './messages/messages.ts';

export type RunGuardSpec = NonNullable<Content['security']['runGuard']>;

/** Bound that a call exceeds. */
type Cause = 'Repeated' | 'Cycle' | 'ToolCalls' | 'Tokens' | 'Duration' | 'Cost';

/** Verdict on a call. `Noted`: the model gets a note in place of a result. Otherwise the turn ends. */
export type RunVerdict = { kind: 'Runs' } | { kind: 'Noted'; note: string } | { kind: 'Ends' };

const RUNS: RunVerdict = { kind: 'Runs' };
const PER_CENT_AND_MILLION = 1_000_000;

const NOTES: Readonly<Record<Cause, string>> = {
  Repeated:
    'The tool was not called: you called it with the same arguments before, and the result will not change. Use what you have, or say what is missing.',
  Cycle:
    'The tool was not called: you go back and forth between the same two calls. Use what you have, or say what is missing.',
  ToolCalls:
    'The tool was not called: this turn may call no more tools. Answer with what you have.',
  Tokens: 'The tool was not called: this turn has used up its tokens. Answer with what you have.',
  Duration: 'The tool was not called: the time of this turn is up. Answer with what you have.',
  Cost: 'The tool was not called: this turn has used up its budget. Answer with what you have.',
};

const EVIDENCE: Readonly<Record<Cause, string>> = {
  Repeated: 'The model called a tool with the same arguments time and again.',
  Cycle: 'The model went back and forth between the same two calls.',
  ToolCalls: 'A turn called more tools than it may.',
  Tokens: 'A turn took more tokens than it may.',
  Duration: 'A turn called tools for longer than it may.',
  Cost: 'A turn cost more than it may.',
};

export interface RunGuardDeps {
  /** Monotonic clock in milliseconds. */
  now(): number;
  detected(detection: RequestDetection): void;
}

/** Watches the calls of one turn. */
export class RunGuard {
  readonly #spec: RunGuardSpec;
  readonly #deps: RunGuardDeps;
  readonly #beganAt: number;
  readonly #times = new Map<string, number>();
  /** Newest last. */
  readonly #last: string[] = [];
  #calls = 0;
  #tripped = false;

  constructor(spec: RunGuardSpec, deps: RunGuardDeps) {
    this.#spec = spec;
    this.#deps = deps;
    this.#beganAt = deps.now();
  }

  /** Judges a call before it runs; `usage` is that of the turn so far. */
  judge(call: Pick<ToolUse, 'name' | 'input'>, usage: TurnUsage): RunVerdict {
    this.#calls += 1;
    const cause = this.#overdone(usage) ?? this.#repeated(call);
    if (cause === undefined) return RUNS;
    const enforces = this.#spec.mode === 'Enforce';
    const again = this.#tripped;
    this.#tripped = true;
    // In report mode one report for each turn is enough.
    if (enforces || !again) this.#tell(cause, enforces);
    if (!enforces) return RUNS;
    return again ? { kind: 'Ends' } : { kind: 'Noted', note: NOTES[cause] };
  }

  #overdone({ inputTokens, outputTokens }: TurnUsage): Cause | undefined {
    const { maxToolCalls = Infinity, maxTokens = Infinity, maxDurationMs = Infinity } = this.#spec;
    if (this.#calls > maxToolCalls) return 'ToolCalls';
    if (inputTokens + outputTokens > maxTokens) return 'Tokens';
    if (this.#deps.now() - this.#beganAt > maxDurationMs) return 'Duration';
    const { cost } = this.#spec;
    if (!cost) return undefined;
    const turnCost =
      inputTokens * cost.inputCentsPerMillionTokens +
      outputTokens * cost.outputCentsPerMillionTokens;
    return turnCost > cost.maxCents * PER_CENT_AND_MILLION ? 'Cost' : undefined;
  }

  #repeated({ name, input }: Pick<ToolUse, 'name' | 'input'>): Cause | undefined {
    if (this.#spec.exempt.includes(name)) return undefined;
    // The same for the same arguments, in any order of members.
    const key = canonicalHash([name, input]);
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.set(key, times);
    this.#last.push(key);
    if (this.#last.length > CYCLE) this.#last.shift();
    if (times >= this.#spec.repeats) return 'Repeated';
    const [a, b, c, d] = this.#last;
    return d !== undefined && a === c && b === d && a !== b ? 'Cycle' : undefined;
  }

  #tell(cause: Cause, denied: boolean): void {
    const repeats = cause === 'Repeated' || cause === 'Cycle';
    this.#deps.detected({
      type: 'ToolMisuse',
      form: 'RepeatedCall',
      asset: repeats ? 'Tools' : 'Budget',
      denied,
      evidence: EVIDENCE[cause],
    });
  }
}

/** Length of a cycle: two calls, twice. */
const CYCLE = 4;
