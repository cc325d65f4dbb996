import type { ContentBlock } from '@anthropic-ai/sdk/resources/messages';
import type { AuditEvent, IncidentReport } from '../../contract/generated/program.ts';
import { DEFAULT_BREAKER } from '../../runtime/guard/circuitSpec.ts';
import { Breaker } from '../../runtime/resilience/breaker.ts';
import type { CircuitState } from '../../runtime/resilience/breaker.ts';
import { IGNORED, OK, failure } from '../../runtime/resilience/outcome.ts';
import { BreakwaterError, ToolError, textOf } from './errors.ts';
import { asText } from './tools.ts';
import type { Environment, ModelMessage, ModelRequest, ToolResult } from './effects.ts';

/** Answers the n-th request, from 0. Where it throws, the model has failed. */
export type TestModel = (
  request: ModelRequest,
  n: number,
) => ModelMessage | string | Promise<ModelMessage | string>;

/** A tool. A ToolError is told to the model; any other error also counts in the tool's circuit. */
export type TestTool = (input: unknown, signal: AbortSignal) => unknown;

export interface TestOptions {
  /** Default: answers "Hello." to everything. */
  model?: TestModel;
  tools?: Readonly<Record<string, TestTool>>;
}

/** The model behind the test environment is the dependency `model/primary`. */
const MODEL = 'model/primary';

/** Answers in memory, behind the runtime's own circuit breakers with the defaults of CircuitBreakerPolicy. */
export interface TestEnvironment extends Environment {
  /** The state of `model/primary` or `tool/NAME`. */
  circuit(dependency: string): CircuitState;
  /** Lets time pass, such as until an open circuit probes. */
  advance(ms: number): void;
  /** What the reducer's effects were, in their order. Requests that a circuit refused are none. */
  readonly requests: readonly ModelRequest[];
  readonly audited: readonly AuditEvent[];
  readonly incidents: readonly IncidentReport[];
}

export function testEnvironment(options: TestOptions = {}): TestEnvironment {
  return new MemoryEnvironment(options);
}

/** A model that fails its first `n` requests and then answers as `model` does. */
export function failing(n: number, model: TestModel = answering('Hello.')): TestModel {
  return (request, at) => {
    if (at < n) throw new Error('the model has failed, as the test wants it');
    return model(request, at - n);
  };
}

/** A model that gives these answers in turn, and the last one from then on. */
export function answering(...answers: readonly (ModelMessage | string)[]): TestModel {
  return (_, n) => answers[Math.min(n, answers.length - 1)] ?? '';
}

/** An answer by which the model calls a tool. */
export function calling(name: string, input: unknown, id = `call_${name}`): ModelMessage {
  return messageOf({ type: 'tool_use', id, name, input } as ContentBlock);
}

function messageOf(block: ContentBlock): ModelMessage {
  return {
    ...{ id: 'msg_test', type: 'message', role: 'assistant', model: 'test', content: [block] },
    ...{ stop_reason: block.type === 'tool_use' ? 'tool_use' : 'end_turn', stop_sequence: null },
    usage: { input_tokens: 1, output_tokens: 1 },
  } as ModelMessage;
}

class MemoryEnvironment implements TestEnvironment {
  readonly requests: ModelRequest[] = [];
  readonly audited: AuditEvent[] = [];
  readonly incidents: IncidentReport[] = [];
  readonly #model: TestModel;
  readonly #tools: ReadonlyMap<string, TestTool>;
  readonly #breakers = new Map<string, Breaker>();
  #now = 0;

  constructor({ model = answering('Hello.'), tools = {} }: TestOptions) {
    this.#model = model;
    this.#tools = new Map(Object.entries(tools));
  }

  async callModel(request: ModelRequest, signal: AbortSignal): Promise<ModelMessage> {
    const answer = await this.#guarded(MODEL, signal, () => {
      this.requests.push(request);
      return this.#model(request, this.requests.length - 1);
    });
    if (typeof answer !== 'string') return answer;
    return messageOf({ type: 'text', text: answer, citations: null });
  }

  async runTool(name: string, input: unknown, signal: AbortSignal): Promise<ToolResult> {
    const tool = this.#tools.get(name);
    if (tool === undefined) {
      const known = [...this.#tools.keys()].join(', ') || 'none';
      throw new BreakwaterError('NotFound', `no tool ${name}; testEnvironment has ${known}`);
    }
    try {
      const result = await this.#guarded(`tool/${name}`, signal, () => tool(input, signal));
      return { text: asText(result), isError: false };
    } catch (error) {
      return { text: textOf(error), isError: true };
    }
  }

  audit(event: AuditEvent): Promise<void> {
    this.audited.push(event);
    return Promise.resolve();
  }

  report(incident: IncidentReport): Promise<void> {
    this.incidents.push(incident);
    return Promise.resolve();
  }

  circuit(dependency: string): CircuitState {
    return this.#breaker(dependency).state(this.#now);
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  #breaker(dependency: string): Breaker {
    const known = this.#breakers.get(dependency);
    if (known) return known;
    const breaker = new Breaker(DEFAULT_BREAKER, this.#now);
    this.#breakers.set(dependency, breaker);
    return breaker;
  }

  async #guarded<T>(
    dependency: string,
    signal: AbortSignal,
    work: () => T | Promise<T>,
  ): Promise<T> {
    const breaker = this.#breaker(dependency);
    const permit = breaker.acquire(this.#now);
    if (typeof permit !== 'number') {
      const wait = `${dependency} is open for another ${permit.retryAfterMs} ms`;
      throw new BreakwaterError('CircuitBreakerOpen', wait, { status: 503 });
    }
    const began = this.#now;
    const vote = (outcome: Parameters<Breaker['record']>[1]): void =>
      breaker.record(permit, signal.aborted ? IGNORED : outcome, this.#now - began, this.#now);
    try {
      const result = await work();
      vote(OK);
      return result;
    } catch (error) {
      vote(error instanceof ToolError ? OK : failure('ServerError', textOf(error)));
      if (error instanceof ToolError || error instanceof BreakwaterError) throw error;
      throw new BreakwaterError('UpstreamError', `${dependency}: ${textOf(error)}`, {
        cause: error,
      });
    }
  }
}
