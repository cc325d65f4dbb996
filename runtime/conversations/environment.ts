import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Problem } from '../errors/failure.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { InForce } from '../model/pool/pool.ts';
import type { Place } from '../model/request.ts';
import type { TotalUsage } from '../model/attempt/usage.ts';
import type { RawHeaders } from '../model/transport/headers.ts';
import type { ModelMessage } from './stateMachine.ts';
import type { Message, ToolResult, ToolUse } from './messages/messages.ts';

/** Tokens that a call took, as the provider said. */
export interface TurnUsage {
  inputTokens: number;
  outputTokens: number;
}

/** What became of a call to the model. */
export type ModelOutcome =
  { ok: true; message: ModelMessage; usage: TurnUsage } | { ok: false; problem: Problem };

/** What a turn goes by to its end. */
export interface TurnContext {
  inForce: InForce;
  model: string;
  system?: string;
  conversation: NonNullable<Content['conversation']>;
  /** Id of the conversation. */
  id: string;
  principal: string;
  /** Whether it may have conversations of any client. */
  anyOwner: boolean;
  /** Whether the model may use a tool for the client. Absent: all. */
  mayUse?: ((tool: string) => boolean) | undefined;
  clientHeaders: RawHeaders;
  trace: RequestTrace;
  usage: TotalUsage;
  /** Of the request, in the bulkhead of the agent. */
  place?: Place;
}

/** What a turn does to the world. Neither call ever rejects; both end soon after the signal. */
export interface Environment {
  /** `onText` is told each piece of the answer as it comes. */
  callModel(
    messages: readonly Message[],
    onText: (text: string) => void,
    signal: AbortSignal,
  ): Promise<ModelOutcome>;
  /** A tool that fails gives a result that says so. */
  runTool(call: ToolUse, signal: AbortSignal): Promise<ToolResult>;
}
