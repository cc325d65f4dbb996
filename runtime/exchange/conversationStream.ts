import type { ServerResponse } from 'node:http';
import type { TurnObserver } from '../conversations/turn.ts';
import type { ToolResult, ToolUse } from '../conversations/messages/messages.ts';
import { errorEventFor, idHeaders } from './response.ts';
import type { Failure } from '../errors/failure.ts';

/**
 * A turn as server-sent events: turn_start, then text, tool_call and tool_result as they happen, then turn_end with
 * the answer of an unstreamed request. The stream begins with its first event, so that a turn that fails before it
 * still gets its HTTP status.
 */
export class ConversationStream implements TurnObserver {
  readonly streams = true;
  readonly #response: ServerResponse;
  readonly #id: string;

  constructor(response: ServerResponse, id: string) {
    this.#response = response;
    this.#id = id;
  }

  get begun(): boolean {
    return this.#response.headersSent;
  }

  onText(text: string): void {
    this.#send('text', { text });
  }

  onToolCall({ id, name, input }: ToolUse): void {
    this.#send('tool_call', { id, name, input });
  }

  onToolResult({ id, name }: ToolUse, { is_error: isError = false, content }: ToolResult): void {
    this.#send('tool_result', { id, name, is_error: isError, content });
  }

  end(answer: Record<string, unknown>): void {
    this.#send('turn_end', answer);
    this.#response.end();
  }

  /** Ends the stream with an error event. */
  fail(failure: Failure): void {
    this.#response.end(errorEventFor(this.#response, failure));
  }

  #send(type: string, data: Record<string, unknown>): void {
    if (!this.begun) this.#begin();
    this.#response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  }

  #begin(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      ...idHeaders(this.#response),
    });
    this.#send('turn_start', { conversation: this.#id });
  }
}
