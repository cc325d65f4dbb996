import type { Announce, Configure } from '../../contract/generated/types.ts';
import { LINK_PROTOCOL } from '../../contract/link.ts';
import type { Dial, LinkSocket, SocketHandlers } from '../links/dial.ts';

/** The operator's end of a connection. The test plays the pod. */
export class FakeSocket implements LinkSocket {
  readonly ip: string;
  readonly sent: (Announce | Configure)[] = [];
  pings = 0;
  received = 0;
  readonly protocol = LINK_PROTOCOL;
  answersPings = true;
  paused = false;
  closedWith: number | undefined;
  terminated = false;
  reached = false;
  handshaking = false;
  readonly #handlers: SocketHandlers;

  constructor(ip: string, handlers: SocketHandlers) {
    this.ip = ip;
    this.#handlers = handlers;
  }

  /** Hashes of the configurations that the operator has sent. */
  get pushed(): string[] {
    return this.sent.flatMap((message) =>
      message.type === 'Configure' ? [message.configuration.hash] : [],
    );
  }

  get announced(): number[] {
    return this.sent.flatMap((message) => (message.type === 'Announce' ? [message.term] : []));
  }

  reach(): void {
    this.reached = true;
    this.#handlers.onReached();
  }

  /** The pod accepts the connection, and does its part of the handshake if the operator begins one. */
  open(): void {
    if (!this.reached) this.reach();
    if (this.handshaking) this.#handlers.onOpen();
  }

  say(message: unknown): void {
    this.sayText(JSON.stringify(message));
  }

  sayText(text: string | undefined): void {
    this.received += text?.length ?? 0;
    this.#handlers.onMessage(text);
  }

  lose(error = 'connection reset'): void {
    this.#handlers.onClose(error);
  }

  handshake(): void {
    this.handshaking = true;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Announce | Configure);
  }

  ping(): void {
    this.pings += 1;
    if (this.answersPings) this.#handlers.onPong();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
    this.#handlers.onClose('terminated');
  }
}

/** A `Dial` that keeps the sockets and opens no connection. */
export function fakeDial(): { dial: Dial; sockets: FakeSocket[] } {
  const sockets: FakeSocket[] = [];
  return {
    sockets,
    dial: ({ ip }, _credentials, handlers) => {
      const socket = new FakeSocket(ip, handlers);
      sockets.push(socket);
      return socket;
    },
  };
}
