import { asBreakwaterError } from './errors.ts';
import type { Effect, Environment, Reduce, Settled } from './effects.ts';

/** Calls of the reducer for one action, after which it is taken for a loop. */
export const MAX_STEPS = 100;

export interface AgentOptions<S, A> {
  initial: S;
  reduce: Reduce<S, A>;
  environment: Environment;
  /** Most calls of the reducer for one action. Default: MAX_STEPS. */
  maxSteps?: number;
}

/** One conversation. */
export interface Agent<S, A> {
  readonly state: S;
  /**
   * Resolves with the value of Reply once all effects have ended, or with undefined without one. Rejects with the error of
   * Fail, of the reducer, or of an Audit or Report that failed. An action waits until the one before it has ended.
   */
  readonly dispatch: (action: A) => Promise<unknown>;
}

/** A conversation that takes one action at a time. */
export function createAgent<S, A>(options: AgentOptions<S, A>): Agent<S, A> {
  return new Conversation(options);
}

class Conversation<S, A> implements Agent<S, A> {
  state: S;
  readonly #options: AgentOptions<S, A>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AgentOptions<S, A>) {
    this.#options = options;
    this.state = options.initial;
  }

  /** Bound, so that it can be passed on alone. */
  readonly dispatch = (action: A): Promise<unknown> => {
    const run = this.#last.then(() => this.#run(action));
    this.#last = run.catch(() => undefined);
    return run;
  };

  #run(action: A): Promise<unknown> {
    const { reduce, environment, maxSteps = MAX_STEPS } = this.#options;
    const step = (next: A | Settled): readonly Effect[] => {
      const [state, effects] = reduce(this.state, next);
      this.state = state;
      return effects;
    };
    return new ActionRun(step, environment, maxSteps).run(action);
  }
}

/** One action with all that follows from it. */
class ActionRun<A> {
  readonly #step: (action: A | Settled) => readonly Effect[];
  readonly #environment: Environment;
  readonly #maxSteps: number;
  readonly #ended = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #arrived: (A | Settled)[] = [];
  #steps = 0;
  #reply: { value: unknown } | undefined;

  constructor(
    step: (action: A | Settled) => readonly Effect[],
    environment: Environment,
    maxSteps: number,
  ) {
    this.#step = step;
    this.#environment = environment;
    this.#maxSteps = maxSteps;
  }

  async run(action: A): Promise<unknown> {
    this.#arrived.push(action);
    try {
      while (this.#arrived.length > 0 || this.#running.size > 0) {
        const next = this.#arrived.shift();
        if (next === undefined) await Promise.race(this.#running);
        else await this.#apply(next);
      }
      return this.#reply?.value;
    } finally {
      this.#ended.abort();
    }
  }

  async #apply(action: A | Settled): Promise<void> {
    this.#steps += 1;
    if (this.#steps > this.#maxSteps) {
      const remedy = 'Have it reply, or raise maxSteps of createAgent.';
      throw new Error(`One action has had ${this.#maxSteps} steps of the reducer. ${remedy}`);
    }
    for (const effect of this.#step(action)) await this.#perform(effect);
  }

  async #perform(effect: Effect): Promise<void> {
    switch (effect.type) {
      case 'CallModel':
      case 'RunTool':
        this.#start(effect);
        return;
      case 'Audit':
        return this.#environment.audit(effect.event);
      case 'Report':
        return this.#environment.report(effect.incident);
      case 'Fail':
        throw effect.error;
      case 'Reply':
        if (this.#reply) throw new Error('The reducer replied twice to one action: reply once.');
        this.#reply = { value: effect.value };
    }
  }

  #start(effect: Effect & { type: 'CallModel' | 'RunTool' }): void {
    const call = this.#call(effect)
      .catch((error: unknown): Settled => {
        const what = effect.type === 'CallModel' ? 'the model' : `tool ${effect.name}`;
        return { type: 'EffectFailed', id: effect.id, error: asBreakwaterError(error, what) };
      })
      .then((settled) => {
        this.#arrived.push(settled);
        this.#running.delete(call);
      });
    this.#running.add(call);
  }

  async #call(effect: Effect & { type: 'CallModel' | 'RunTool' }): Promise<Settled> {
    const { id } = effect;
    const { signal } = this.#ended;
    if (effect.type === 'CallModel') {
      const message = await this.#environment.callModel(effect.request, signal);
      return { type: 'ModelAnswered', id, message };
    }
    const { text, isError } = await this.#environment.runTool(effect.name, effect.input, signal);
    return { type: 'ToolFinished', id, text, isError };
  }
}
