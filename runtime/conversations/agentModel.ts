import type Anthropic from '@anthropic-ai/sdk';
import type * as Sdk from '@anthropic-ai/sdk';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import { FAULTS, noEndpoint, rejected } from '../errors/problems.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { saysTooLong } from '../protocols/anthropicAnswer.ts';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import type { ModelCaller } from '../model/caller.ts';
import { scanInSlices } from '../json/scan.ts';
import { turn } from '../json/turns.ts';
import { CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { TotalUsage } from '../protocols/usage.ts';
import { requestSize } from '../protocols/anthropicRequest.ts';
import { CREDENTIALS } from '../model/transport/headers.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import type { ModelAnswer, Place } from '../model/request.ts';
import { ByteAccount } from '../resilience/byteBudget.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import type { ModelOutcome, TextReader } from './environment.ts';
import type { Message } from './messages/messages.ts';
import { modelProblem } from './modelProblem.ts';
import { Cut } from '../errors/fault.ts';
import { AnswerRefused, TurnAnswer } from './turnAnswer.ts';
import { RecallableSink } from './webSink.ts';

/** One call of the agent's loop. */
export interface AgentCall {
  content: Content;
  /** Endpoints that this runtime supports. */
  endpoints: readonly Endpoint[];
  model: string;
  maxTokens: number;
  system?: string;
  tools: readonly Anthropic.ToolUnion[];
  messages: readonly Message[];
  /** Headers of the client, for forwarded credentials and limits by key. */
  principal: string;
  clientHeaders: RawHeaders;
  /** Id of the conversation, whose calls stay at one endpoint while it takes calls. */
  conversation: string;
  place?: Place | undefined;
  deadlineAt: number;
  /** Aborts with a Cut. */
  signal: AbortSignal;
  trace: RequestTrace;
  text: TextReader;
  /** Sums the usage of the turn. */
  usage: TotalUsage;
}

/** Longer than every deadline of ours: the SDK's own timer never fires first. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** Statuses by which an endpoint refuses what a request says. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 422]);

const TOO_LARGE_STATUS = 413;
const TOO_LONG_PROBLEM: Failure = {
  reason: 'ModelRefused',
  message:
    'The message and the results of its tools are too long for the model, also without the older messages of the conversation.',
};

/** Calls the model by the official SDK, over the same path as clients' requests. */
export class AgentModel {
  readonly #caller: Pick<ModelCaller, 'call'>;
  readonly #budget: ByteBudget;

  constructor(caller: Pick<ModelCaller, 'call'>, budget: ByteBudget) {
    this.#caller = caller;
    this.#budget = budget;
  }

  /** Rejects only on a programming error. */
  async call(call: AgentCall): Promise<ModelOutcome> {
    const { default: Client } = await loadSdk();
    const sent = new SdkRequest(this.#caller, call);
    const client = new Client({
      // The attempt replaces it by the endpoint's own key, or the client's.
      apiKey: 'unused',
      authToken: null,
      baseURL: 'http://model.invalid',
      maxRetries: 0,
      timeout: NO_TIMEOUT_MS,
      openTelemetry: false,
      logLevel: 'off',
      fetch: (_url, init) => sent.fetch(init),
    });
    try {
      for (;;) {
        const outcome = await this.#read(client, call, sent);
        if (outcome.ok || !(await sent.restarts())) return outcome;
      }
    } finally {
      await sent.over;
    }
  }

  /** Reads one answer. */
  async #read(client: Anthropic, call: AgentCall, sent: SdkRequest): Promise<ModelOutcome> {
    const { model, maxTokens, signal, text } = call;
    // The request itself makes the body, so that the SDK keeps no copy of it for as long as the call lasts.
    const stream = client.messages.stream(
      { model, max_tokens: maxTokens, messages: [] },
      { signal },
    );
    const account = new ByteAccount(this.#budget);
    const answer = new TurnAnswer(account);
    stream.on('streamEvent', (event) => sent.bound(() => answer.event(event)));
    stream.on('text', (each) => {
      if (sent.isCurrent) text.add(each);
    });
    try {
      return answered(await stream.finalMessage());
    } catch (error) {
      return failed(error, sent, await loadSdk());
    } finally {
      account.close();
    }
  }
}

/** A sixth of the program; only agents with conversations load it. */
export async function loadSdk(): Promise<typeof Sdk> {
  return import('@anthropic-ai/sdk');
}

function failed(
  error: unknown,
  { problem }: Pick<SdkRequest, 'problem'>,
  { APIError }: typeof Sdk,
): ModelOutcome {
  if (!(error instanceof APIError))
    return { ok: false, problem: problem ?? FAULTS.InvalidResponse };
  if (error.status === TOO_LARGE_STATUS || saysTooLong(error.message)) {
    return { ok: false, problem: problem ?? TOO_LONG_PROBLEM, refused: true, tooLong: true };
  }
  const refused = REFUSALS.has(error.status as number);
  return { ok: false, problem: problem ?? modelProblem(error as Sdk.APIError), refused };
}

function answered({ content, stop_reason: stopReason, usage }: Anthropic.Message): ModelOutcome {
  return {
    ok: true,
    message: { content, stopReason: stopReason ?? 'end_turn' },
    usage: { inputTokens: usage.input_tokens, outputTokens: usage.output_tokens },
  };
}

function bodyOf({ model, maxTokens, system, tools, messages }: AgentCall): Buffer {
  const body = {
    ...{ model, max_tokens: maxTokens },
    ...(system !== undefined && { system }),
    ...(tools.length > 0 && { tools }),
    ...{ messages, stream: true },
  };
  return Buffer.from(JSON.stringify(body));
}

/** One request of a turn. The SDK sends it once more for each time that its answer is taken back. */
class SdkRequest {
  /** Why there was no answer, unless the endpoint says so itself. */
  problem: Problem | undefined;
  /** Resolves when the request is over. */
  over: Promise<void> = Promise.resolve();
  readonly #caller: Pick<ModelCaller, 'call'>;
  readonly #call: AgentCall;
  readonly #sink: RecallableSink;
  readonly #refused = new AbortController();
  #sent = false;

  constructor(caller: Pick<ModelCaller, 'call'>, call: AgentCall) {
    this.#caller = caller;
    this.#call = call;
    this.#sink = new RecallableSink(() => call.text.recall());
  }

  /** Whether the SDK reads the answer that counts. What it reads of one that was taken back comes late. */
  get isCurrent(): boolean {
    return this.#sink.isCurrent;
  }

  fetch(init: RequestInit | undefined): Promise<Response> {
    if (this.#sent) return this.#sink.response;
    this.#sent = true;
    this.over = this.#send(init, this.#sink);
    // Callers await it later; this keeps an earlier rejection from ending the process.
    this.over.catch(() => undefined);
    return this.#sink.response;
  }

  /** Whether another answer follows one that the SDK could not read to its end. */
  restarts(): Promise<boolean> {
    const follows = this.#sink.next().then(
      () => true,
      () => false,
    );
    return Promise.race([follows, this.over.then(() => false)]);
  }

  /** Ends the request when its answer is refused. */
  bound(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof AnswerRefused) this.problem = error.problem;
      this.#refused.abort(new Cut('ClientGone'));
      throw error;
    }
  }

  async #send(init: RequestInit | undefined, sink: RecallableSink): Promise<void> {
    const { content, endpoints, model, maxTokens, deadlineAt } = this.#call;
    const signal = AbortSignal.any([this.#call.signal, this.#refused.signal]);
    const { principal, conversation, place, usage, trace } = this.#call;
    const body = bodyOf(this.#call);
    await turn(body.length);
    const scanned = (await scanInSlices(body, anthropicMessages.members))!;
    await turn(body.length);
    const { members } = scanned;
    const chat = trace.chat({
      protocol: anthropicMessages,
      model,
      stream: true,
      maxTokens,
      body,
      members,
    });
    const request = {
      content,
      endpoints,
      method: 'POST' as const,
      path: '/v1/messages',
      protocol: anthropicMessages,
      expected: 'Message' as const,
      headers: this.#headers(init),
      body,
      stream: true,
      model,
      size: requestSize(body, scanned),
      members,
      maxTokens,
      deadlineAt,
      signal,
      sink,
      principal,
      session: { key: conversation, cacheMs: CACHE_LIFETIME_MS },
      client: principal || conversation,
      ownTurn: true,
      place,
      chat,
    };
    try {
      const answer = await this.#caller.call(request);
      usage.add(answer.usage);
      chat.end(answer);
      this.#pass(answer, sink);
    } catch (error) {
      sink.fail(error as Error);
      throw error;
    }
  }

  #pass(answer: ModelAnswer, sink: RecallableSink): void {
    if (answer.kind === 'NoEndpoint') {
      return this.#fail(noEndpoint(answer, this.#call.model), sink);
    }
    if (answer.kind === 'Refused') {
      return this.#fail(rejected(answer.rejection, answer.mounted), sink);
    }
    const { fault, held } = answer.result;
    if (fault !== undefined) this.#fail(FAULTS[fault], sink);
    else if (held !== undefined) sink.answer(held);
  }

  #fail(problem: Problem, sink: RecallableSink): void {
    this.problem ??= problem;
    sink.fail(new Error('there is no answer'));
  }

  /**
   * The SDK's headers with the client's credentials, its baggage if configured, and the headers that limits on the
   * model need.
   */
  #headers(init: RequestInit | undefined): string[] {
    const { clientHeaders, content } = this.#call;
    const taken = takenHeaders(content);
    const headers: string[] = [];
    for (const [name, value] of new Headers(init?.headers)) {
      if (!CREDENTIALS.has(name)) headers.push(name, value);
    }
    for (let i = 0; i + 1 < clientHeaders.length; i += 2) {
      const name = clientHeaders[i]!;
      if (taken.has(name.toLowerCase())) headers.push(name, clientHeaders[i + 1]!);
    }
    return headers;
  }
}

/**
 * Names of the client's headers that calls of the agent carry: credentials, and headers that the configuration names.
 */
function takenHeaders({ telemetry, limits }: Content): Set<string> {
  const taken = new Set(CREDENTIALS);
  if (telemetry.baggage === 'Forward') taken.add('baggage');
  for (const { key, target } of limits) {
    if (key?.header !== undefined && target.startsWith('model/')) taken.add(key.header);
  }
  return taken;
}
