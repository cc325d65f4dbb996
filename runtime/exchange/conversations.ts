import { addAbortListener } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Client } from '../clients/clients.ts';
import type { Agent } from '../conversations/agent.ts';
import type { TurnContext } from '../conversations/environment.ts';
import type { Message } from '../conversations/messages/messages.ts';
import { begin } from '../conversations/stateMachine.ts';
import { StoreUnavailable } from '../conversations/stores/store.ts';
import type { Absence, Kept, Lease, LeaseLoss, Ref } from '../conversations/stores/store.ts';
import { Turn } from '../conversations/turn.ts';
import type { TurnObserver, TurnResult } from '../conversations/turn.ts';
import type { TurnScreen } from '../conversations/turnScreen.ts';
import { Cut } from '../errors/fault.ts';
import type { Failure, Problem } from '../errors/failure.ts';
import { NOT_CONFIGURED } from '../errors/problems.ts';
import { REFUND } from '../guard/admission.ts';
import type { Clock } from '../guard/clock.ts';
import { limitsTokens } from '../guard/inbound.ts';
import type { TokenEstimator } from '../protocols/usage.ts';
import { FORWARDED } from '../model/transport/headers.ts';
import type { DeniedRequest } from '../observe/trace/requestListener.ts';
import type { Forwarded } from '../peers/connections.ts';
import type { Peers } from '../peers/peers.ts';
import { TotalUsage } from '../protocols/usage.ts';
import { BODIES_FULL } from './bodies.ts';
import type { Bodies } from './bodies.ts';
import { readCreate, readSent } from './conversationRequests.ts';
import type { ConversationRoute, Sent } from './conversationRequests.ts';
import { ConversationStream } from './conversationStream.ts';
import {
  Exchange,
  acquire,
  authenticate,
  refuseRejected,
  run,
  settleAdmission,
} from './exchange.ts';
import type { AdmitParts, Arrived, AuthenticateParts, Ended, Step } from './exchange.ts';
import { notFound } from './notFound.ts';
import { ResponseSink, errorEventFor, idHeaders, refuse } from './response.ts';
import type { Served } from './response.ts';

export interface ConversationsParts extends AuthenticateParts, AdmitParts {
  clock: Clock;
  estimator: TokenEstimator;
  bodies: Pick<Bodies, 'read' | 'reserve'>;
  agent: Pick<Agent, 'store' | 'ownerOf' | 'prompt' | 'environment' | 'screenOf' | 'runGuard'>;
  peers: Pick<Peers, 'toOwner'>;
  log: Logger;
}

/** A request to `/v1/conversations`: conversations that the agent stores and continues. */
class ConversationExchange extends Exchange {
  /** Id of the conversation; empty where it names none. */
  readonly id: string;
  /** Address of the pod that keeps the conversation in its memory; empty if this pod can serve it. */
  readonly owner: string;
  /** Usage of all calls of the turn. */
  readonly usage = new TotalUsage();
  /** Set by `prepare`. */
  context!: TurnContext;
  /** Messages of an earlier conversation. Set by `readMessages`. */
  messages: readonly Message[] = [];
  /** The new message. Set by `readMessage`. */
  sent!: Sent;
  /** Set by `take`. */
  lease: Lease | undefined;
  /** Whether the turn has given its messages to the lease. */
  stored = false;
  /** Set by `runTurn`. */
  result!: TurnResult;

  constructor(arrived: Arrived, id: string, owner = '') {
    super(arrived);
    this.id = id;
    this.owner = owner;
  }
}

type Steps = readonly Step<ConversationExchange, ConversationsParts>[];

/** The steps of each kind of request. The turn makes calls of the model and of tools. */
const STEPS: Record<ConversationRoute['action'], Steps> = {
  Unknown: [authenticate, noteConversation, refuseUnknown],
  Read: [authenticate, noteConversation, sendConversation],
  Remove: [authenticate, noteConversation, removeConversation],
  Create: [authenticate, noteConversation, prepare, readMessages, admit, createConversation],
  Send: [
    authenticate,
    noteConversation,
    prepare,
    readMessage,
    take,
    admit,
    screenMessage,
    runTurn,
    answer,
  ],
};
/** The steps of a request about a conversation in another pod's memory. */
const ELSEWHERE: Steps = [authenticate, noteConversation, boundForward, admit, toOwner];

/** Serves a request to its end; `cut` ends it early. Rejects only on a programming error. */
export async function serveConversation(
  { action, id = '' }: ConversationRoute,
  arrived: Arrived,
  parts: ConversationsParts,
): Promise<Served> {
  const owner = action === 'Unknown' ? undefined : parts.agent.ownerOf(id);
  const exchange = new ConversationExchange(arrived, id, owner);
  try {
    return owner === undefined
      ? await run(exchange, STEPS[action], settle, parts)
      : await run(exchange, ELSEWHERE, settleAdmission, parts);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    const { response, trace } = exchange;
    parts.log.warn({ ...trace.ids, why: error.message }, 'Conversations could not be reached');
    if (!response.headersSent) return refuse(parts.sendError, response, UNAVAILABLE);
    response.end(errorEventFor(response, UNAVAILABLE));
    return { reason: UNAVAILABLE.reason, failed: true };
  }
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
const NOT_FOUND: Failure = {
  reason: 'ConversationNotFound',
  message:
    'There is no such conversation: it was never begun, is not yours, has been deleted, or was idle for too long.',
};
const ABSENCES: Record<Absence | 'Busy', Failure> = {
  NotFound: NOT_FOUND,
  // Says no more, so that a client cannot find out which conversations exist.
  Foreign: NOT_FOUND,
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

/** Use of another client's conversation. */
const FOREIGN = {
  reason: NOT_FOUND.reason,
  asset: 'Conversations',
  resource: { type: 'conversation', name: 'of another client' },
} as const;
const TAKEOVER: DeniedRequest = {
  ...FOREIGN,
  continues: true,
  message: 'The client sent a message to a conversation of another client.',
};
const FOREIGN_READ: DeniedRequest = {
  ...FOREIGN,
  message: 'The client asked for a conversation of another client, or for its deletion.',
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

function noteConversation({ id, trace }: ConversationExchange): Ended {
  if (id !== '') trace.converses(id);
  return undefined;
}

function refuseUnknown(
  { request, response, snapshot }: ConversationExchange,
  { sendError }: ConversationsParts,
): Ended {
  return refuse(sendError, response, notFound(request, snapshot));
}

/** What a turn needs of the request and of the configuration. */
function prepare(exchange: ConversationExchange, parts: ConversationsParts): Ended {
  const { response, id, client, trace, snapshot, usage } = exchange;
  const { sendError, agent } = parts;
  const { conversation } = snapshot.content;
  if (!snapshot.endpoints[0] || !conversation) return refuse(sendError, response, NOT_CONFIGURED);
  const model = snapshot.endpoints.find((each) => each.model !== undefined)?.model;
  if (model === undefined) return refuse(sendError, response, NO_MODEL);
  const prompt = agent.prompt.read(conversation);
  if (prompt === 'Missing') return refuse(sendError, response, NO_PROMPT);
  exchange.context = {
    snapshot,
    ...allowedOf(client, conversation),
    model,
    id,
    ...(prompt.text !== undefined && { system: prompt.text }),
    principal: client.principal,
    client,
    clientHeaders: client.headers,
    trace,
    usage,
  };
  return undefined;
}

async function readMessages(
  exchange: ConversationExchange,
  { bodies, clock, sendError }: ConversationsParts,
): Promise<Ended> {
  const { request, response } = exchange;
  const read = await readCreate(request, response, bodies);
  if ('problem' in read) return refuse(sendError, response, read.problem);
  exchange.messages = read.messages;
  exchange.deadlineAt = clock.now() + exchange.context.conversation.runTimeoutMs;
  return undefined;
}

async function readMessage(
  exchange: ConversationExchange,
  { bodies, sendError }: ConversationsParts,
): Promise<Ended> {
  const { request, response, trace } = exchange;
  const read = await readSent(request, response, bodies);
  if ('problem' in read) return refuse(sendError, response, read.problem);
  exchange.sent = read.sent;
  trace.received(read.sent.bytes);
  return undefined;
}

/** Takes the conversation, so that no other message to it runs a turn meanwhile. */
async function take(exchange: ConversationExchange, parts: ConversationsParts): Promise<Ended> {
  const { response, context, sent, trace } = exchange;
  const { agent, bodies, clock, estimator, sendError } = parts;
  const taken = await agent.store().take(context);
  if ('absence' in taken) {
    if (taken.absence === 'Foreign') trace.listener.denied(TAKEOVER);
    return refuse(sendError, response, ABSENCES[taken.absence]);
  }
  const { lease } = taken;
  exchange.lease = lease;
  if (!lease.reserve(sent.memory)) return refuse(sendError, response, MEMORY_FULL);
  // The messages so far, as the model gets them. The budget has the new one.
  if (!bodies.reserve(lease.bytes, response)) return refuse(sendError, response, BODIES_FULL);
  const { runTimeoutMs, maxTokens } = context.conversation;
  exchange.deadlineAt = clock.now() + runTimeoutMs;
  if (limitsTokens(context.snapshot.content)) {
    const textBytes = sent.bytes + JSON.stringify(lease.conversation.messages).length;
    exchange.cost = estimator.estimate(context.model, { textBytes, mediaTokens: 0, maxTokens });
  }
  return undefined;
}

/** Takes a permit for the agent's limits and bulkhead. */
function admit(exchange: ConversationExchange, parts: ConversationsParts): Ended | Promise<Ended> {
  const acquired = acquire(exchange, parts);
  if (acquired instanceof Promise) {
    return acquired.then((rejection) => rejection && refuseRejected(exchange, parts, rejection));
  }
  return acquired && refuseRejected(exchange, parts, acquired);
}

async function createConversation(
  { response, context, messages: earlier }: ConversationExchange,
  { agent, sendError }: ConversationsParts,
): Promise<Ended> {
  const screened = await screenedMessages(earlier, agent.screenOf(context));
  if ('problem' in screened) return refuse(sendError, response, screened.problem);
  const { messages } = begin(screened.messages, limitsOf(context));
  const { principal, trace } = context;
  const kept = await agent.store().create(messages, principal, trace);
  if (!kept) return refuse(sendError, response, FULL);
  trace.converses(kept.id);
  sendJson(response, 201, view(kept), { location: `/v1/conversations/${kept.id}` });
  return FINE;
}

async function screenMessage(
  exchange: ConversationExchange,
  { agent, sendError }: ConversationsParts,
): Promise<Ended> {
  const { response, context, sent } = exchange;
  const screened = await agent.screenOf(context).prompt(sent.content);
  if ('problem' in screened) return refuse(sendError, response, screened.problem);
  exchange.sent = { ...sent, content: screened.content };
  return undefined;
}

async function runTurn(
  exchange: ConversationExchange,
  { agent, clock }: ConversationsParts,
): Promise<Ended> {
  const { response, cut, sent, place } = exchange;
  const context = { ...exchange.context, ...(place && { place }) };
  const lease = exchange.lease!;
  using _ = addAbortListener(lease.signal, () => cut.abort(new Cut('ClientGone')));
  const turn = new Turn(lease.conversation.messages, {
    environment: agent.environment(context),
    clock,
    limits: limitsOf(context),
    timeoutMs: context.conversation.runTimeoutMs,
    signal: cut.signal,
    observer: sent.stream ? new ConversationStream(response, context.id) : SILENT,
    runGuard: agent.runGuard(context),
  });
  const trace = context.trace.turn(context.snapshot.content.agent.name);
  let result: TurnResult | undefined;
  try {
    result = await turn.run(sent.content);
  } finally {
    trace.end(earlyEnd(result));
  }
  exchange.result = result;
  return undefined;
}

/** Stores the messages before it ends the answer, so that the next request finds them. */
async function answer(
  exchange: ConversationExchange,
  { sendError }: ConversationsParts,
): Promise<Served> {
  const { response, id, sent, result } = exchange;
  const lease = exchange.lease!;
  exchange.stored = true;
  await lease.release(result.messages);
  const problem = lease.loss ? LOSSES[lease.loss] : result.problem;
  const stream = new ConversationStream(response, id);
  if (problem !== undefined && problem !== 'Gone' && stream.begun) {
    stream.fail(problem);
    return { reason: problem.reason, failed: true };
  }
  if (problem !== undefined) return refuse(sendError, response, problem);
  const { content, modelCalls, toolCalls, usage } = result;
  const { stopReason } = result.end!;
  const body = {
    conversation: id,
    role: 'assistant',
    content,
    stop_reason: stopReason,
    model_calls: modelCalls,
    tool_calls: toolCalls,
    usage: { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens },
  };
  if (sent.stream) stream.end(body);
  else sendJson(response, 200, body);
  return stopReason === 'client_gone' ? { reason: 'ClientGone', failed: false } : FINE;
}

async function sendConversation(
  exchange: ConversationExchange,
  { agent, bodies, sendError }: ConversationsParts,
): Promise<Ended> {
  const { response, trace } = exchange;
  const found = await agent.store().read(refOf(exchange));
  if (typeof found === 'string') {
    if (found === 'Foreign') trace.listener.denied(FOREIGN_READ);
    return refuse(sendError, response, ABSENCES[found]);
  }
  const body = Buffer.from(JSON.stringify(view(found)));
  // A client may read it slowly.
  if (!bodies.reserve(body.length, response)) return refuse(sendError, response, BODIES_FULL);
  sendJson(response, 200, body);
  return FINE;
}

async function removeConversation(
  exchange: ConversationExchange,
  { agent, sendError }: ConversationsParts,
): Promise<Ended> {
  const { response, trace } = exchange;
  const removed = await agent.store().remove(refOf(exchange));
  if (removed === 'Foreign') trace.listener.denied(FOREIGN_READ);
  if (removed !== 'Removed') return refuse(sendError, response, ABSENCES[removed]);
  response.writeHead(204, idHeaders(response)).end();
  return FINE;
}

/** A request is forwarded once. It takes a permit here too, so that made-up ids cannot make pods ask each other. */
function boundForward(exchange: ConversationExchange, parts: ConversationsParts): Ended {
  const { request, response, snapshot } = exchange;
  if (request.headers[FORWARDED] !== undefined) {
    return refuse(parts.sendError, response, ABSENCES.Lost);
  }
  exchange.deadlineAt = parts.clock.now() + (snapshot.content.conversation?.runTimeoutMs ?? 0);
  return undefined;
}

/** Has the pod answer that keeps the conversation. It charges for conversations that it has. */
async function toOwner(exchange: ConversationExchange, parts: ConversationsParts): Promise<Ended> {
  const { request, response, cut, trace, place } = exchange;
  const { bodies, peers, sendError } = parts;
  exchange.charges = undefined;
  // Gives the place up while it waits: requests that wait for a place could otherwise block each other across pods.
  place?.close();
  // Reads the body here, so that a slow client does not occupy the owner.
  const read = await bodies.read(request, response);
  if ('problem' in read) return refuse(sendError, response, read.problem);
  const { signal } = cut;
  const sink = new ResponseSink(response, signal);
  const forwarding = { request, body: read.body, sink, signal, trace };
  const end = await peers.toOwner(exchange.owner, forwarding);
  if (end !== 'Answered') return refuse(sendError, response, OWNER_PROBLEMS[end]);
  if (!UNKNOWN.has(response.statusCode)) exchange.charges = REFUND;
  return FINE;
}

async function settle(exchange: ConversationExchange): Promise<void> {
  exchange.charges = exchange.usage.total();
  settleAdmission(exchange);
  if (!exchange.stored) await exchange.lease?.release();
}

function refOf({ id, client, trace }: ConversationExchange): Ref {
  const anyOwner = client.allowance?.allConversations === true;
  return { id, principal: client.principal, anyOwner, trace };
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

function view({ id, messages, createdAt, usedAt }: Kept): Record<string, unknown> {
  return { id, type: 'conversation', created_at: createdAt, used_at: usedAt, messages };
}

function sendJson(
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
