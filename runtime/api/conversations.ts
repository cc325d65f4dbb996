import { addAbortListener } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admitted } from './exchange.ts';
import type { Logger } from 'pino';
import { begin } from '../conversations/stateMachine.ts';
import type { Agent } from '../conversations/agent.ts';
import type { TurnContext } from '../conversations/environment.ts';
import type { Message } from '../conversations/messages/messages.ts';
import { StoreUnavailable } from '../conversations/stores/store.ts';
import type { Absence, Kept, Lease, LeaseLoss, Ref } from '../conversations/stores/store.ts';
import { Turn } from '../conversations/turn.ts';
import type { TurnObserver, TurnResult } from '../conversations/turn.ts';
import type { TurnScreen } from '../conversations/turnScreen.ts';
import type { Admission, Permit } from '../guard/permit.ts';
import type { Clock } from '../guard/clock.ts';
import { REFUND } from '../guard/admission.ts';
import type { Inbound } from '../guard/inbound.ts';
import { awaitAdmission } from '../guard/permit.ts';
import type { TokenEstimator } from '../model/attempt/estimate.ts';
import { Cut } from '../errors/fault.ts';
import { OK } from '../resilience/outcome.ts';
import { FORWARDED, limitKeys } from '../model/transport/headers.ts';
import type { Client } from './clients/clients.ts';
import { readCreate, readSent } from './conversationRequests.ts';
import { BODIES_FULL } from './bodies.ts';
import type { Bodies } from './bodies.ts';
import { limitsTokens } from '../guard/inbound.ts';
import type { Cost } from '../guard/admission.ts';
import type { ConversationRoute, Sent } from './conversationRequests.ts';
import { ConversationStream } from './conversationStream.ts';
import { errorEvent } from '../errors/failure.ts';
import { notFound } from './notFound.ts';
import { ResponseSink, idHeaders, refuse, requestIdOf } from './response.ts';
import type { SendError, Served } from './response.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import type { Forwarded } from '../peers/connections.ts';
import type { Peers } from '../peers/peers.ts';
import { NOT_CONFIGURED, STARTING, cutProblem, rejected } from '../errors/problems.ts';
import type { Place } from '../model/request.ts';
import { TotalUsage } from '../protocols/usage.ts';

export interface ConversationsDeps {
  inbound: Pick<Inbound, 'acquire' | 'placeOf'>;
  clock: Clock;
  estimator: TokenEstimator;
  bodies: Pick<Bodies, 'read' | 'reserve'>;
  agent: Pick<Agent, 'store' | 'ownerOf' | 'prompt' | 'environment' | 'screenOf' | 'runGuard'>;
  peers: Pick<Peers, 'toOwner'>;
  sendError: SendError;
  log: Logger;
}

/** A request that continues a conversation. */
interface Visit extends Pick<Admitted, 'request' | 'response' | 'cut'> {
  context: TurnContext;
}

/** Statuses of an owner that does not have the conversation. */
const UNKNOWN: ReadonlySet<number> = new Set([404, 410]);

const FINE: Served = { reason: 'None', failed: false };

const NO_MODEL: Failure = {
  reason: 'NotConfigured',
  message: 'No endpoint of the agent names a model: set model in spec.model.endpoints.',
};
const NO_PROMPT: Failure = {
  reason: 'NotConfigured',
  message:
    'The system prompt of the agent is missing: its ConfigMap or the key in it is not there.',
};
const ABSENCES: Record<Absence | 'Busy', Failure> = {
  NotFound: {
    reason: 'ConversationNotFound',
    message:
      'There is no such conversation: it was never begun, is not yours, has been deleted, or was idle for too long.',
  },
  Lost: {
    reason: 'ConversationLost',
    message:
      'The pod that kept this conversation is gone. Begin another one, with its messages if you have them.',
  },
  Busy: {
    reason: 'ConversationBusy',
    message: 'Another message to this conversation is being answered; send this one after it.',
    retryAfterMs: 1000,
  },
};
/** Why the pod that keeps a conversation has not answered. */
const OWNER_PROBLEMS: Record<Exclude<Forwarded, 'Answered'>, Problem> = {
  Lost: ABSENCES.Lost,
  Gone: 'Gone',
  Unreachable: {
    reason: 'UpstreamUnreachable',
    message: 'The pod that keeps this conversation cannot be reached at present.',
    retryAfterMs: 1000,
  },
  Silent: {
    reason: 'Timeout',
    message: 'The pod that keeps this conversation has not answered in time.',
  },
};
const MEMORY_FULL: Failure = {
  reason: 'ConversationMemoryFull',
  message:
    'The conversations of this pod take as much memory as they may. Send the message later, or delete conversations that are over.',
  retryAfterMs: 30_000,
};
const OVERTAKEN: Failure = {
  reason: 'ConversationOvertaken',
  message:
    'Another message to this conversation was answered meanwhile, so this turn is not kept. Read the conversation before you send the message again: its tools may have run.',
};
const FULL: Failure = {
  reason: 'ConversationsFull',
  message: 'The agent keeps as many conversations as its memory bears.',
  retryAfterMs: 30_000,
};

const UNAVAILABLE: Failure = {
  reason: 'StoreUnavailable',
  message: 'The store of conversations cannot be reached at present.',
  retryAfterMs: 1000,
};

const LOSSES: Record<LeaseLoss, Failure> = {
  Deleted: ABSENCES.NotFound,
  Overtaken: OVERTAKEN,
  Unreachable: UNAVAILABLE,
};

/** Serves `/v1/conversations`: conversations that the agent stores and continues. */
export class Conversations {
  readonly #deps: ConversationsDeps;

  constructor(deps: ConversationsDeps) {
    this.#deps = deps;
  }

  /** Serves a request to its end; `cut` ends it early. Rejects only on a programming error. */
  async handle({ action, id = '' }: ConversationRoute, exchange: Admitted): Promise<Served> {
    const { request, response, cut, trace } = exchange;
    if (id !== '') trace.converses(id);
    if (action === 'Unknown') return this.#refuse(response, notFound(request));
    const onClose = (): void => {
      if (!response.writableFinished) cut.abort(new Cut('ClientGone'));
    };
    response.on('close', onClose);
    if (response.destroyed) onClose();
    try {
      const owner = this.#deps.agent.ownerOf(id);
      if (owner !== undefined) {
        return await this.#forward(owner, exchange);
      }
      return await this.#serve({ action, id }, exchange);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#deps.log.warn(
        { ...trace.ids, why: error.message },
        'Conversations could not be reached',
      );
      return this.#unavailable(response);
    } finally {
      response.off('close', onClose);
    }
  }

  #serve(
    { action, id = '' }: Pick<ConversationRoute, 'action' | 'id'>,
    exchange: Admitted,
  ): Promise<Served> {
    const { request, response, cut, client, trace, snapshot } = exchange;
    // Without a configuration the store is unknown too.
    if (!snapshot) return Promise.resolve(this.#refuse(response, STARTING));
    const anyOwner = client.allowance?.allConversations === true;
    const ref = { id, principal: client.principal, anyOwner, trace };
    if (action === 'Read') return this.#read(ref, response);
    if (action === 'Remove') return this.#remove(ref, response);
    const context = this.#context(id, exchange);
    if ('problem' in context) return Promise.resolve(this.#refuse(response, context.problem));
    const visit = { request, response, cut, context };
    return action === 'Create' ? this.#create(visit) : this.#send(visit);
  }

  /**
   * Takes a permit here too, so that made-up ids cannot make pods ask each other. The owner charges for conversations
   * that it has.
   */
  async #forward(owner: string, exchange: Admitted): Promise<Served> {
    const { request, response, cut, client, trace, snapshot } = exchange;
    if (request.headers[FORWARDED] !== undefined) return this.#refuse(response, ABSENCES.Lost);
    const { inbound, clock } = this.#deps;
    const runMs = snapshot?.content.conversation?.runTimeoutMs ?? 0;
    const deadlineAt = clock.now() + runMs;
    const header = limitKeys(client.principal, (name) => headerOf(request, name));
    const asked = inbound.acquire({ deadlineAt, header });
    const waiting = awaitAdmission(asked, cut.signal);
    const admission = await (asked.kind === 'Waiting' ? trace.waits(waiting) : waiting);
    if (admission.kind === 'Rejection') {
      trace.rejected(admission.rejection);
      return this.#refuse(response, cutProblem(cut) ?? rejected(admission.rejection));
    }
    // Gives the place up while it waits: requests that wait for a place could otherwise block each other across pods.
    inbound.placeOf(admission.permit, deadlineAt).close();
    let isKnown = false;
    try {
      const served = await this.#pass(owner, exchange);
      isKnown = served === FINE && !UNKNOWN.has(response.statusCode);
      return served;
    } finally {
      // The owner has charged if it knows the conversation.
      admission.permit.settle(OK, isKnown ? REFUND : undefined);
    }
  }

  async #pass(owner: string, { request, response, cut, trace }: Admitted): Promise<Served> {
    // Reads the body here, so that a slow client does not occupy the owner.
    const read = await this.#deps.bodies.read(request, response);
    if ('problem' in read) return this.#refuse(response, read.problem);
    const { body } = read;
    const { signal } = cut;
    const sink = new ResponseSink(response, signal);
    const end = await this.#deps.peers.toOwner(owner, { request, body, sink, signal, trace });
    return end === 'Answered' ? FINE : this.#refuse(response, OWNER_PROBLEMS[end]);
  }

  #unavailable(response: ServerResponse): Served {
    if (!response.headersSent) return this.#refuse(response, UNAVAILABLE);
    response.end(errorEvent(UNAVAILABLE, requestIdOf(response)));
    return { reason: UNAVAILABLE.reason, failed: true };
  }

  #context(id: string, { client, trace, snapshot }: Admitted): TurnContext | { problem: Problem } {
    const conversation = snapshot?.content.conversation;
    if (!snapshot?.endpoints[0] || !conversation) return { problem: NOT_CONFIGURED };
    const model = snapshot.endpoints.find((each) => each.model !== undefined)?.model;
    if (model === undefined) return { problem: NO_MODEL };
    const prompt = this.#deps.agent.prompt.read(conversation);
    if (prompt === 'Missing') return { problem: NO_PROMPT };
    return {
      snapshot,
      ...allowedOf(client, conversation),
      model,
      id,
      ...(prompt.text !== undefined && { system: prompt.text }),
      principal: client.principal,
      clientHeaders: client.headers,
      trace,
      usage: new TotalUsage(),
    };
  }

  async #create(visit: Visit): Promise<Served> {
    const { request, response, context } = visit;
    const read = await readCreate(request, response, this.#deps.bodies);
    if ('problem' in read) return this.#refuse(response, read.problem);
    return this.#admitted(visit, undefined, async () => {
      const screened = await screenedMessages(read.messages, this.#deps.agent.screenOf(context));
      if ('problem' in screened) return this.#refuse(response, screened.problem);
      const { messages } = begin(screened.messages, limitsOf(context));
      const { principal, trace } = context;
      const kept = await this.#deps.agent.store().create(messages, principal, trace);
      if (!kept) return this.#refuse(response, FULL);
      context.trace.converses(kept.id);
      answer(response, 201, view(kept), { location: `/v1/conversations/${kept.id}` });
      return FINE;
    });
  }

  async #send(visit: Visit): Promise<Served> {
    const { request, response, context } = visit;
    const read = await readSent(request, response, this.#deps.bodies);
    if ('problem' in read) return this.#refuse(response, read.problem);
    const taken = await this.#deps.agent.store().take(context);
    if ('absence' in taken) return this.#refuse(response, ABSENCES[taken.absence]);
    const { lease } = taken;
    let messages: readonly Message[] | undefined;
    try {
      const { sent } = read;
      if (!lease.reserve(sent.memory)) return this.#refuse(response, MEMORY_FULL);
      // The messages so far, as the model gets them. The budget has the new one.
      if (!this.#deps.bodies.reserve(lease.bytes, response)) {
        return this.#refuse(response, BODIES_FULL);
      }
      const size = (): number => sent.bytes + JSON.stringify(lease.conversation.messages).length;
      return await this.#admitted(visit, size, async (place) => {
        const screened = await this.#deps.agent.screenOf(context).prompt(sent.content);
        if ('problem' in screened) return this.#refuse(response, screened.problem);
        const ended = await this.#turn({ ...visit, context: { ...context, place } }, lease, {
          ...sent,
          content: screened.content,
        });
        messages = ended.messages;
        // Stores the messages before it ends the answer, so that the next request finds them.
        await lease.release(messages);
        const lost = lease.loss && { problem: LOSSES[lease.loss] };
        return this.#answer(visit, { ...ended, ...lost }, sent);
      });
    } finally {
      if (!messages) await lease.release();
    }
  }

  /** Takes a permit for the agent's limits and bulkhead. `bytes` of the request to the model; absent: it makes none. */
  async #admitted(
    visit: Visit,
    bytes: (() => number) | undefined,
    serve: (place: Place) => Promise<Served>,
  ): Promise<Served> {
    const { request, response, cut, context } = visit;
    const { conversation, model, usage, snapshot } = context;
    const { clock, inbound, estimator } = this.#deps;
    const deadlineAt = clock.now() + conversation.runTimeoutMs;
    const cost = (textBytes: number): Cost =>
      estimator.estimate(model, { textBytes, mediaTokens: 0, maxTokens: conversation.maxTokens });
    const asked = inbound.acquire({
      deadlineAt,
      header: limitKeys(context.principal, (name) => headerOf(request, name)),
      ...(bytes && limitsTokens(snapshot.content) && { cost: cost(bytes()) }),
    });
    const { trace } = context;
    const waiting = awaitAdmission(asked, cut.signal);
    const admission: Admission = await (asked.kind === 'Waiting' ? trace.waits(waiting) : waiting);
    if (admission.kind === 'Rejection') {
      trace.rejected(admission.rejection);
      return this.#refuse(response, cutProblem(cut) ?? rejected(admission.rejection));
    }
    const place = inbound.placeOf(admission.permit, deadlineAt);
    try {
      return await serve(place);
    } finally {
      place.close();
      settle(admission, usage);
    }
  }

  async #turn({ response, cut, context }: Visit, lease: Lease, sent: Sent): Promise<TurnResult> {
    using _ = addAbortListener(lease.signal, () => cut.abort(new Cut('ClientGone')));
    const turn = new Turn(lease.conversation.messages, {
      environment: this.#deps.agent.environment(context),
      clock: this.#deps.clock,
      limits: limitsOf(context),
      timeoutMs: context.conversation.runTimeoutMs,
      signal: cut.signal,
      observer: sent.stream ? new ConversationStream(response, context.id) : SILENT,
      runGuard: this.#deps.agent.runGuard(context),
    });
    const trace = context.trace.turn(context.snapshot.content.agent.name);
    let result: TurnResult | undefined;
    try {
      result = await turn.run(sent.content);
      return result;
    } finally {
      trace.end(earlyEnd(result));
    }
  }

  #answer({ response, context }: Visit, result: TurnResult, sent: Sent): Served {
    const { problem, end } = result;
    const stream = new ConversationStream(response, context.id);
    if (problem !== undefined && problem !== 'Gone' && stream.begun) {
      stream.fail(problem);
      return { reason: problem.reason, failed: true };
    }
    if (problem !== undefined) return this.#refuse(response, problem);
    const body = {
      conversation: context.id,
      role: 'assistant',
      content: result.content,
      stop_reason: end!.stopReason,
      model_calls: result.modelCalls,
      tool_calls: result.toolCalls,
      usage: {
        input_tokens: result.usage.inputTokens,
        output_tokens: result.usage.outputTokens,
      },
    };
    if (sent.stream) stream.end(body);
    else answer(response, 200, body);
    return end!.stopReason === 'client_gone' ? { reason: 'ClientGone', failed: false } : FINE;
  }

  async #read(ref: Ref, response: ServerResponse): Promise<Served> {
    const found = await this.#deps.agent.store().read(ref);
    if (typeof found === 'string') return this.#refuse(response, ABSENCES[found]);
    const body = Buffer.from(JSON.stringify(view(found)));
    // A client may read it slowly.
    if (!this.#deps.bodies.reserve(body.length, response)) {
      return this.#refuse(response, BODIES_FULL);
    }
    answer(response, 200, body);
    return FINE;
  }

  async #remove(ref: Ref, response: ServerResponse): Promise<Served> {
    const removed = await this.#deps.agent.store().remove(ref);
    if (removed !== 'Removed') return this.#refuse(response, ABSENCES[removed]);
    response.writeHead(204, idHeaders(response)).end();
    return FINE;
  }

  #refuse(response: ServerResponse, problem: Problem): Served {
    return refuse(this.#deps.sendError, response, problem);
  }
}

function allowedOf(
  { allowance }: Client,
  conversation: TurnContext['conversation'],
): Pick<TurnContext, 'conversation' | 'anyOwner' | 'mayUse'> {
  if (!allowance) return { conversation, anyOwner: false };
  const maxTokens = Math.min(conversation.maxTokens, allowance.maxTokens ?? Infinity);
  return {
    conversation: { ...conversation, maxTokens },
    anyOwner: allowance.allConversations,
    mayUse: (tool) => allowance.tool(tool),
  };
}

/** The messages of an earlier conversation after screening, or the failure of one that is blocked. */
async function screenedMessages(
  messages: readonly Message[],
  screen: TurnScreen,
): Promise<{ messages: Message[] } | { problem: Problem }> {
  const all: Message[] = [];
  for (const message of messages) {
    if (message.role !== 'user') {
      all.push(message);
      continue;
    }
    const screened = await screen.prompt(message.content);
    if ('problem' in screened) return screened;
    all.push({ ...message, content: screened.content });
  }
  return { messages: all };
}

/** Why the turn ended before the model ended it; undefined otherwise. */
function earlyEnd(result: TurnResult | undefined): string | undefined {
  if (!result) return 'Internal';
  const { problem, end } = result;
  if (problem === 'Gone') return 'client_gone';
  if (problem) return problem.reason;
  return end && EARLY.has(end.stopReason) ? end.stopReason : undefined;
}

/** Bounds of turns and of the process that end a turn early. */
const EARLY: ReadonlySet<string> = new Set([
  'run_timeout',
  'draining',
  'client_gone',
  'max_turns',
  'run_guard',
]);

const SILENT: TurnObserver = {
  streams: false,
  onText: () => undefined,
  onToolCall: () => undefined,
  onToolResult: () => undefined,
};

function limitsOf({ conversation }: TurnContext): { maxMessages: number; maxTurns: number } {
  return conversation;
}

function settle({ permit }: Permit, usage: TotalUsage): void {
  permit.settle(OK, usage.total());
}

function view({ id, messages, createdAt, usedAt }: Kept): Record<string, unknown> {
  return { id, type: 'conversation', created_at: createdAt, used_at: usedAt, messages };
}

function answer(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): void {
  const body = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...idHeaders(response),
    ...headers,
  });
  response.end(body);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
