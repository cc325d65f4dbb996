import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Content, Sibling } from '../../contract/generated/types.ts';
import type { Failure } from '../errors/failure.ts';
import type { Rejection } from '../errors/rejection.ts';
import { FORWARDED } from '../model/transport/headers.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Forwarded, PeerForward } from './peerForward.ts';
import type { SendError, Served } from './response.ts';
import type { Siblings } from './siblings.ts';

export interface OverflowDeps {
  siblings: Siblings;
  forward: Pick<PeerForward, 'pass'>;
  onForwarded: (end: Forwarded) => void;
  sendError: SendError;
}

const NO_ANSWER: Failure = {
  reason: 'Timeout',
  message: 'Another pod of the agent has taken the request and not answered in time.',
};

export interface Overflowing {
  request: IncomingMessage;
  response: ServerResponse;
  body: Buffer;
  /** Aborts when the client leaves or the process stops. */
  signal: AbortSignal;
  trace: RequestTrace;
  /** Timeout of the sibling's answer, in milliseconds. */
  answerMs: number;
}

export class Overflow {
  readonly #deps: OverflowDeps;

  constructor(deps: OverflowDeps) {
    this.#deps = deps;
  }

  /** Whether a sibling may serve a request that this pod rejected. A request is forwarded only once. */
  takes(
    request: IncomingMessage,
    { reason }: Rejection,
    { whenFull }: Pick<Content, 'whenFull'>,
  ): boolean {
    if (reason !== 'BulkheadFull' || request.headers[FORWARDED] !== undefined) return false;
    return whenFull === 'Forward';
  }

  /** Forwards to a sibling. Undefined: none answered, and the client got nothing yet. */
  async serve(overflowing: Overflowing): Promise<Served | undefined> {
    const { response } = overflowing;
    const sibling = this.#deps.siblings.choose();
    if (!sibling || response.headersSent || response.destroyed) return undefined;
    const leave = this.#deps.siblings.enter(sibling);
    try {
      return this.#served(await this.#pass(sibling, overflowing), response);
    } finally {
      leave();
    }
  }

  async #pass(sibling: Sibling, overflowing: Overflowing): Promise<Forwarded> {
    const { request, response, body, signal, trace, answerMs } = overflowing;
    const { context } = trace.span;
    const call = { body, signal, context, silenceMs: answerMs };
    const end = await this.#deps.forward.pass(sibling.address, request, response, call);
    trace.forwarded(sibling.pod, end);
    this.#deps.onForwarded(end);
    if (end !== 'Answered' && end !== 'Gone') this.#deps.siblings.avoid(sibling);
    return end;
  }

  #served(end: Forwarded, response: ServerResponse): Served | undefined {
    if (end === 'Answered') return { reason: 'Forwarded', failed: false };
    if (end === 'Silent') {
      this.#deps.sendError(response, NO_ANSWER);
      return { reason: NO_ANSWER.reason, failed: true };
    }
    if (end !== 'Gone') return undefined;
    // The client left, or the sibling broke off its answer.
    response.destroy();
    return { reason: 'ClientGone', failed: false };
  }
}
