import type { ServerResponse } from 'node:http';
import type { Sink } from '../model/attempt/attempt.ts';
import { errorEvent } from '../errors/failure.ts';
import type { Failure } from '../errors/failure.ts';
import { requestIdOf } from './requestId.ts';
import { addTraceHeader } from './traceId.ts';

/** The client's side of a forwarded answer. */
export class ResponseSink implements Sink {
  blocked = false;
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  #appendable = false;
  #written = false;

  /** `signal` wakes a write that waits for the client. */
  constructor(response: ServerResponse, signal: AbortSignal) {
    this.#response = response;
    this.#signal = signal;
  }

  head(status: number, statusText: string, headers: string[], appendable: boolean): void {
    this.#appendable = appendable;
    this.#response.sendDate = false;
    this.#response.writeHead(status, statusText, addTraceHeader(this.#response, headers));
    // With the first bytes of the body, if they come at once.
    queueMicrotask(() => {
      if (!this.#written) this.#response.flushHeaders();
    });
  }

  write(chunk: Buffer): Promise<void> | undefined {
    this.#written = true;
    if (this.#response.write(chunk) || this.#response.destroyed) return undefined;
    this.blocked = true;
    return new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#response.off('drain', onDrain).off('close', wake);
        this.#signal.removeEventListener('abort', wake);
        resolve();
      };
      const onDrain = (): void => {
        this.blocked = false;
        wake();
      };
      this.#response.on('drain', onDrain).on('close', wake);
      this.#signal.addEventListener('abort', wake, { once: true });
      if (this.#signal.aborted) wake();
    });
  }

  end(last?: Buffer): void {
    this.#written = true;
    this.#response.end(last);
  }

  /**
   * Ends an answer that has begun and cannot be finished: a stream with an error event, anything
   * else by dropping the connection, so that nobody takes it for whole. `torn`: the client has only a part of an event.
   */
  breakOff(failure: Failure, torn = false): void {
    if (!this.#appendable || torn || this.blocked) this.#response.destroy();
    else this.#response.end(errorEvent(failure, requestIdOf(this.#response)));
  }
}
