import type {
  Message,
  MessageCreateParamsNonStreaming,
} from '@anthropic-ai/sdk/resources/messages';
import type { AuditEvent, IncidentReport } from '../../contract/generated/program.ts';
import type { BreakwaterError } from './errors.ts';

/** A request of the Messages API, not streamed. */
export type ModelRequest = MessageCreateParamsNonStreaming;
export type ModelMessage = Message;

/** What a reducer asks for, as data. `id` says to which effect a Settled action belongs. */
export type Effect =
  | { type: 'CallModel'; id: string; request: ModelRequest }
  | { type: 'RunTool'; id: string; name: string; input: unknown }
  | { type: 'Audit'; event: AuditEvent }
  | { type: 'Report'; incident: IncidentReport }
  /** The result of `dispatch`. */
  | { type: 'Reply'; value: unknown }
  /** `dispatch` rejects, and the other effects of the action are aborted. */
  | { type: 'Fail'; error: Error };

/** How an effect ended. */
export type Settled =
  | { type: 'ModelAnswered'; id: string; message: ModelMessage }
  | { type: 'ToolFinished'; id: string; text: string; isError: boolean }
  | { type: 'EffectFailed'; id: string; error: BreakwaterError };

/** Pure: the same state and action give the same result, and nothing else happens. */
export type Reduce<S, A> = (state: S, action: A | Settled) => readonly [S, readonly Effect[]];

export interface ToolResult {
  /** What the model reads. */
  text: string;
  isError: boolean;
}

/** Carries effects out. A rejected call of a model or tool becomes EffectFailed. */
export interface Environment {
  callModel(request: ModelRequest, signal: AbortSignal): Promise<ModelMessage>;
  /** A tool that fails gives a result that says so. */
  runTool(name: string, input: unknown, signal: AbortSignal): Promise<ToolResult>;
  audit(event: AuditEvent): Promise<void>;
  report(incident: IncidentReport): Promise<void>;
}
