import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { type RawData, WebSocket } from 'ws';
import { LINK_PATH, MAX_REPORT_BYTES } from '../../contract/link.ts';
import { CONTRACT, protocolsOf } from '../../contract/versions.ts';
import type { ClientCredentials } from './authority.ts';

/** What a link does with its connection. */
export interface LinkSocket {
  /** Bytes that the peer has sent, TLS aside. */
  readonly received: number;
  /** WebSocket subprotocol that the pod has chosen; empty before the handshake. */
  readonly protocol: string;
  /** TLS and the WebSocket upgrade, once the port was reached. */
  handshake(): void;
  send(text: string): void;
  ping(): void;
  /** Stops reading until `resume`. */
  pause(): void;
  resume(): void;
  /** Says goodbye with a WebSocket close code and waits for the peer. */
  close(code: number, reason: string): void;
  /** Drops the connection and everything that waits to be sent. */
  terminate(): void;
}

/** What a connection tells its link. `onClose` comes once and last, whatever happened. */
export interface SocketHandlers {
  /** The port accepts connections; `handshake` goes on. Comes after the call that dials has returned. */
  onReached(): void;
  onOpen(): void;
  /** @param text undefined for a binary message, which the contract does not have */
  onMessage(text: string | undefined): void;
  onPing(): void;
  onPong(): void;
  /**
   * @param error absent when the connection was closed in good order
   * @param flaw a message was larger than MAX_REPORT_BYTES, or the pod speaks no version that was offered
   */
  onClose(error: string | undefined, flaw?: SocketFlaw): void;
}

export type SocketFlaw = 'TooLarge' | 'Incompatible';

/** The control port of a pod. */
export interface DialAddress {
  namespace: string;
  /** Of the pod. */
  name: string;
  ip: string;
  port: number;
}

/** Opens a connection to the control port of a pod. */
export type Dial = (
  address: DialAddress,
  credentials: ClientCredentials,
  handlers: SocketHandlers,
) => LinkSocket;

/**
 * Dials over TLS with the operator's client certificate. The pod's certificate is made in its
 * memory and proves nothing, so it is not verified: the token in the pod's hello proves who it is.
 *
 * @param through opens the way to the port, for a process from which pods' addresses cannot be reached
 * @param contract the versions that are offered
 */
export function createDial(through?: (address: DialAddress) => Duplex, contract = CONTRACT): Dial {
  const protocols = protocolsOf(contract);
  const contexts = new WeakMap<ClientCredentials, SecureContext>();
  const contextOf = (credentials: ClientCredentials): SecureContext => {
    const known = contexts.get(credentials);
    if (known !== undefined) return known;
    const { certificate: cert, key } = credentials;
    const context = createSecureContext({ cert, key, minVersion: 'TLSv1.3' });
    contexts.set(credentials, context);
    return context;
  };
  return (address, credentials, handlers) => {
    const context = contextOf(credentials);
    const offer = { ...address, protocols };
    if (through) return new TlsLinkSocket(through(address), offer, context, handlers);
    const { ip: host, port } = address;
    const way = connect({ host, port, noDelay: true });
    return new TlsLinkSocket(way, offer, context, handlers, way);
  };
}

/** A WebSocket over TLS over a connection that is made first. */
class TlsLinkSocket implements LinkSocket {
  readonly #way: Duplex;
  readonly #offer: Offer;
  readonly #context: SecureContext;
  readonly #handlers: SocketHandlers;
  #failure: string | undefined;
  #flaw: SocketFlaw | undefined;
  #socket: WebSocket | undefined;
  #tls: TLSSocket | undefined;

  /** @param connecting the way, when it is not there yet */
  constructor(
    way: Duplex,
    offer: Offer,
    context: SecureContext,
    handlers: SocketHandlers,
    connecting?: Socket,
  ) {
    this.#way = way;
    this.#offer = offer;
    this.#context = context;
    this.#handlers = handlers;
    way.on('error', (error) => (this.#failure ??= error.message));
    way.on('close', () => {
      if (this.#socket === undefined) handlers.onClose(this.#failure);
    });
    if (connecting) connecting.once('connect', () => handlers.onReached());
    else setImmediate(() => handlers.onReached());
  }

  get received(): number {
    return this.#tls?.bytesRead ?? 0;
  }

  get protocol(): string {
    return this.#socket?.protocol ?? '';
  }

  handshake(): void {
    if (this.#way.destroyed) return;
    const { ip, port, protocols } = this.#offer;
    const host = ip.includes(':') ? `[${ip}]` : ip;
    const socket = new WebSocket(`wss://${host}:${port}${LINK_PATH}`, protocols, {
      maxPayload: MAX_REPORT_BYTES,
      perMessageDeflate: false,
      createConnection: () => {
        this.#tls = connectTls({
          socket: this.#way,
          secureContext: this.#context,
          rejectUnauthorized: false,
        });
        return this.#tls;
      },
    });
    this.#socket = socket;
    const handlers = this.#handlers;
    socket.on('open', () => handlers.onOpen());
    socket.on('message', (data, binary) => handlers.onMessage(binary ? undefined : textOf(data)));
    socket.on('ping', () => handlers.onPing());
    socket.on('pong', () => handlers.onPong());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error.message;
      this.#flaw ??= flawOf(error);
    });
    socket.on('close', (code) => {
      const closed = code === 1000 ? undefined : `closed with code ${code}`;
      handlers.onClose(this.#failure ?? closed, this.#flaw);
    });
  }

  send(text: string): void {
    this.#socket?.send(text, ignore);
  }

  ping(): void {
    this.#socket?.ping('', true, ignore);
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  close(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  terminate(): void {
    if (this.#socket) this.#socket.terminate();
    else this.#way.destroy();
  }
}

/** Where to dial, and what to offer there. */
interface Offer extends DialAddress {
  protocols: string[];
}

/** Of ws, for a message above maxPayload. */
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
/** Of ws, for the status with which a pod refuses a link whose subprotocols it does not know. */
const UNKNOWN_PROTOCOL = 'Unexpected server response: 400';

function flawOf({ code, message }: NodeJS.ErrnoException): SocketFlaw | undefined {
  if (code === TOO_LARGE) return 'TooLarge';
  return message === UNKNOWN_PROTOCOL ? 'Incompatible' : undefined;
}

/** A failed send is followed by `close`, which says so. */
const ignore = (): void => undefined;

/** ws gives one Buffer, with its default binaryType. */
const textOf = (data: RawData): string => (data as Buffer).toString('utf8');
