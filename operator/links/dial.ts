import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { type RawData, WebSocket } from 'ws';
import { LINK_PATH, LINK_PROTOCOL, MAX_REPORT_BYTES } from '../../contract/link.ts';
import type { ClientCredentials } from './authority.ts';

/** The connection of a link. */
export interface LinkSocket {
  /** Bytes received from the peer, without TLS. */
  readonly received: number;
  /** WebSocket subprotocol that the pod has chosen; empty before the handshake. */
  readonly protocol: string;
  /** Begins TLS and the WebSocket upgrade after `onReached`. */
  handshake(): void;
  send(text: string): void;
  ping(): void;
  /** Stops reading until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes the WebSocket with a code and waits for the peer. */
  close(code: number, reason: string): void;
  /** Drops the connection and all unsent data. */
  terminate(): void;
}

/** Events of a connection. `onClose` is called once, as the last event. */
export interface SocketHandlers {
  /** The port accepts connections; call `handshake` to continue. Never called before the dial function returns. */
  onReached(): void;
  onOpen(): void;
  /** @param text undefined for a binary message, which the contract does not have */
  onMessage(text: string | undefined): void;
  onPing(): void;
  onPong(): void;
  /**
   * @param error absent after an orderly close
   * @param protocolError the pod sent a message above MAX_REPORT_BYTES, or supports no offered version
   */
  onClose(error: string | undefined, protocolError?: ProtocolError): void;
}

export type ProtocolError = 'TooLarge' | 'Incompatible';

/** The control port of a pod. */
export interface DialAddress {
  namespace: string;
  /** Name of the pod. */
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
 * Dials over TLS with the operator's client certificate. It does not verify the pod's certificate, which the pod makes by
 * itself: the token in the pod's hello proves the identity.
 *
 * @param through opens a connection to the port, for a process that cannot reach pods' addresses
 */
export function createDial(through?: (address: DialAddress) => Duplex): Dial {
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
    const offer = { ...address, protocols: [LINK_PROTOCOL] };
    if (through) return new TlsLinkSocket(through(address), offer, context, handlers);
    const { ip: host, port } = address;
    const way = connect({ host, port, noDelay: true });
    return new TlsLinkSocket(way, offer, context, handlers, way);
  };
}

/** A WebSocket over TLS over a given connection. */
class TlsLinkSocket implements LinkSocket {
  readonly #way: Duplex;
  readonly #offer: Offer;
  readonly #context: SecureContext;
  readonly #handlers: SocketHandlers;
  #failure: string | undefined;
  #protocolError: ProtocolError | undefined;
  #socket: WebSocket | undefined;
  #tls: TLSSocket | undefined;

  /** @param connecting the connection, while it is being opened */
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
      this.#protocolError ??= protocolErrorOf(error);
    });
    socket.on('close', (code) => {
      const closed = code === 1000 ? undefined : `closed with code ${code}`;
      handlers.onClose(this.#failure ?? closed, this.#protocolError);
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

/** The address to dial, and the versions to offer. */
interface Offer extends DialAddress {
  protocols: string[];
}

/** Error code of ws for a message above maxPayload. */
const TOO_LARGE = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
/** Error message of ws for the status with which a pod refuses all offered subprotocols. */
const UNKNOWN_PROTOCOL = 'Unexpected server response: 400';

function protocolErrorOf({ code, message }: NodeJS.ErrnoException): ProtocolError | undefined {
  if (code === TOO_LARGE) return 'TooLarge';
  return message === UNKNOWN_PROTOCOL ? 'Incompatible' : undefined;
}

/** Errors are ignored here: a failed send is followed by `close` with the error. */
const ignore = (): void => undefined;

/** With its default binaryType, ws passes one Buffer. */
const textOf = (data: RawData): string => (data as Buffer).toString('utf8');
