import type { KnownClient } from '../observe/trace/requestListener.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Problem } from '../errors/failure.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Place } from '../model/request.ts';
import type { TotalUsage } from '../protocols/usage.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import type { ModelMessage } from './stateMachine.ts';
import type { Message, Room, ToolResult, ToolUse } from './messages/messages.ts';

/** Tokens of a call, as the provider reports them. */
export interface TurnUsage {
  inputTokens: number;
  outputTokens: number;
}

/**
 * Outcome of a call to the model. `refused`: the endpoint does not take these messages; `tooLong`: because they are too
 * long.
 */
export type ModelOutcome =
  | { ok: true; message: ModelMessage; usage: TurnUsage }
  | { ok: false; problem: Problem; refused?: boolean; tooLong?: boolean };

/** Context of one turn. */
export interface TurnContext {
  snapshot: Snapshot;
  model: string;
  system?: string;
  conversation: NonNullable<Content['conversation']>;
  /** Id of the conversation. */
  id: string;
  principal: string;
  client: KnownClient;
  /** Whether it may use conversations of any client. */
  anyOwner: boolean;
  /** Whether the model may use a tool for the client. Absent: all. */
  mayUse?: ((tool: string) => boolean) | undefined;
  clientHeaders: RawHeaders;
  trace: RequestTrace;
  usage: TotalUsage;
  /** Place of the request in the agent's bulkhead. */
  place?: Place;
}

/** Takes the text of an answer as it comes. */
export interface TextReader {
  add(text: string): void;
  /** Drops the text so far, if none has reached the client. Whether it could. */
  recall(): boolean;
}

/** Effects of a turn. Neither call rejects; both end soon after the signal aborts. */
export interface Environment {
  /** Room for messages at the model; undefined: not known. */
  room(): Room | undefined;
  callModel(
    messages: readonly Message[],
    text: TextReader,
    signal: AbortSignal,
  ): Promise<ModelOutcome>;
  /** A tool that fails returns a result that says so. */
  runTool(call: ToolUse, signal: AbortSignal): Promise<ToolResult>;
}
