import type { Failure } from '../errors/failure.ts';
import type { Edit, ScannedObject, Span } from '../json/scan.ts';
import type { ServerSentEvent } from '../model/transport/sse.ts';
import type { GateReason } from '../resilience/gates.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { AnswerFacts, RequestSize, Usage } from './usage.ts';

/** What the protocol of a request means on the wire. Requests carry theirs, and nothing else knows its members. */
export interface Protocol {
  /** Whose protocol it is. */
  readonly vendor: string;
  /** Its routes, for people. */
  readonly served: string;
  readonly routes: readonly ModelRoute[];
  /** The route of a request; undefined for other paths. */
  route(method: string | undefined, path: string): ModelRoute | undefined;

  /** The member that bounds the tokens of an answer. */
  readonly tokenBound: string;
  /** The members that decide how a request is handled. Nothing else of it is read. */
  readonly members: ReadonlySet<string>;
  /** Reads a request for a message or a count of tokens. A text says what is wrong with it. */
  read(body: Buffer, scanned: ScannedObject, route: ModelRoute): RequestFacts | string;
  /** The body with the endpoint's own model and bound of output tokens, and with the edits of its provider. */
  bodyFor(request: SentRequest, endpoint: EndpointBounds, edits?: readonly Edit[]): Buffer;
  /** How long the provider keeps the prompt. */
  cacheUse(body: Buffer): CacheUse;
  /** The texts that all turns of a session begin with, by their place; undefined without any. */
  promptTexts(body: Buffer, members: RequestMembers): string[][] | undefined;
  /** The parts of a request to screen; undefined without messages. A text says why it cannot be read. */
  newestTurn(body: Buffer, members: RequestMembers): NewestTurn | string | undefined;
  /** What a request says, as messages of OpenTelemetry's convention, as far as `maxBytes` of its JSON can hold it. */
  tracedRequest(body: Buffer, members: RequestMembers, maxBytes: number): TracedRequest;

  /**
   * Reads one answer. `ratio`: learned for the model. `keepsContent`: whether its facts have the content. `hidesUsage`:
   * whether the usage of a stream does not reach the client.
   */
  meter(ratio: number, keepsContent?: boolean, hidesUsage?: boolean): AnswerMeter;
  /** The content of an answer as a message of OpenTelemetry's convention. */
  tracedAnswer(facts: AnswerFacts): object;
  /** Assembles the text of a stream to screen. */
  answerText(): AnswerText;
  /**
   * The text of an unstreamed answer over all its blocks; empty if it has no two. Undefined: it has too many values to
   * parse.
   */
  textOverBlocks(body: Buffer): Promise<string | undefined>;
  /** An event that keeps a stream open. */
  readonly ping: Buffer;
  isPing(event: ServerSentEvent): boolean;
  /** The last event of a good stream. */
  readonly streamEnd: Buffer;

  /** An error answer as the last event of a stream. */
  errorEventOf(answer: unknown): Buffer;
  /** An error answer of our own. */
  errorBody(failure: Failure, requestId: string): string;
  /** The same as the last event of a stream that has begun, after whole events. */
  errorEvent(failure: Failure, requestId: string): string;
}

/** Reads one answer while it passes. */
export interface AnswerMeter {
  /** Judges it as a stream. */
  stream(listener: StreamListener): StreamJudge;
  /** The members of an unstreamed answer to read. Nothing else of it is parsed. */
  readonly members: ReadonlySet<string>;
  /** Judges an unstreamed answer. `scanned` is undefined unless it is a JSON object. `isMessage`: it must be a message. */
  judge(body: Buffer, scanned: ScannedObject | undefined, isMessage: boolean): Judgement;
  /** The usage so far. Estimates the output from the text until the provider reports it. */
  usage(): Usage;
  /** The least usage of an answer that was cut: its text so far, and no less than the provider reported. */
  atLeast(): { inputTokens: number; outputTokens: number };
  /** Input that was written to the provider's cache, as far as it is known. */
  readonly cacheWriteTokens: number | undefined;
  /** What the provider reports besides tokens. */
  facts(): AnswerFacts;
}

/** Observes the events of a stream. */
export interface StreamListener {
  /** An event that is neither a ping nor an error. */
  onEvent(): void;
  /** The first content, once. */
  onFirstToken(): void;
}

/** Judges one stream by its events. */
export interface StreamJudge {
  /** Outcome of the stream so far; until its end, that of a stream that breaks off. */
  readonly outcome: Outcome;
  /** The credential's gate that an error event shuts. */
  readonly gate: GateReason | undefined;
  /** Whether the stream has ended as the protocol says, with an error or without. */
  readonly complete: boolean;
  /** Whether it has content. */
  readonly begun: boolean;
  /** Whether only its last event is missing. */
  readonly lacksOnlyStop: boolean;
  /** Whether the client does not get the last event that it took. Absent: it gets all. */
  readonly hidden?: boolean;
  /** Takes the next event. Returns false if it is malformed and ignores all later events. */
  take(event: ServerSentEvent): boolean;
}

export interface Judgement {
  outcome: Outcome;
  /** The status that fits the error in an answer with a status of success. */
  errorStatus?: number;
}

/** Assembles the text of a stream as its client does. */
export interface AnswerText {
  /** The text that an event adds. */
  event(data: string): string;
}

export interface TracedRequest {
  messages?: readonly object[];
  /** The system prompt. */
  instructions?: readonly object[] | undefined;
}

/** A route of a protocol. */
export interface ModelRoute {
  protocol: Protocol;
  /** As metrics name it. */
  route: string;
  method: 'GET' | 'POST';
  kind: 'Messages' | 'CountTokens' | 'Models';
  /** As the audit names what it does. */
  operation: string;
}

/** Where members of a request are in its body, by name. */
export type RequestMembers = ReadonlyMap<string, Span>;

/** What the body of a request says. */
export interface RequestFacts {
  /** Model as the client names it; empty without one. */
  model: string;
  stream: boolean;
  size: RequestSize;
  /** The stated bound of output tokens, if it is valid. */
  maxTokens?: number | undefined;
  /** The stream leaves out its usage, because the client has not asked for it. */
  lacksUsage?: boolean;
  /** It uses what the endpoint keeps that made it, such as an earlier response. Only the first endpoint takes it. */
  usesState?: boolean;
}

export interface SentRequest {
  body: Buffer;
  /** Absent if the body goes unchanged. */
  members?: RequestMembers | undefined;
  size: RequestSize;
  maxTokens?: number | undefined;
  /** Asks for the usage of the stream, which the client does not get. */
  addsUsage?: boolean | undefined;
}

export interface EndpointBounds {
  model?: string | undefined;
  maxTokens?: number | undefined;
}

/** Long: the request asks for the provider's longer lifetime. */
export type CacheUse = 'None' | 'Usual' | 'Long';

/** The parts of a request that are screened. */
export interface NewestTurn {
  /** Texts since the last answer of the model, in order. */
  texts: SaidText[];
  /** Tools that the model asked for since a user's last message, in order. */
  tools: AskedTool[];
}

export interface SaidText {
  kind: 'UserInput' | 'ToolResults' | 'Documents';
  text: string;
}

export interface AskedTool {
  name: string;
  input: unknown;
}
