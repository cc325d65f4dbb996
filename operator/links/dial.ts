import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { type ClientOptions, type RawData, WebSocket } from 'ws';
import { LINK_PATH, LINK_PROTOCOL, MAX_MESSAGE_BYTES } from '../../contract/link.ts';
import type { ClientCredentials } from './authority.ts';

/** What a link does with its connection. */
export interface LinkSocket {
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
  onOpen(): void;
  /** @param text undefined for a binary message, which the contract does not have */
  onMessage(text: string | undefined): void;
  onPong(): void;
  /** @param error absent when the connection was closed in good order */
  onClose(error: string | undefined): void;
}

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
 */
export function createDial(through?: (address: DialAddress) => Duplex): Dial {
  const contexts = new WeakMap<ClientCredentials, SecureContext>();
  return (address, credentials, handlers) => {
    let context = contexts.get(credentials);
    if (context === undefined) {
      context = createSecureContext({
        cert: credentials.certificate,
        key: credentials.key,
        minVersion: 'TLSv1.3',
      });
      contexts.set(credentials, context);
    }
    const host = address.ip.includes(':') ? `[${address.ip}]` : address.ip;
    const options: ClientOptions & { secureContext: SecureContext } = {
      secureContext: context,
      rejectUnauthorized: false,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      ...(through && { createConnection: over(through(address), context) }),
    };
    const url = `wss://${host}:${address.port}${LINK_PATH}`;
    return attach(new WebSocket(url, [LINK_PROTOCOL], options), handlers);
  };
}

/** TLS over a connection that is there. */
function over(way: Duplex, secureContext: SecureContext): ClientOptions['createConnection'] {
  return () => connectTls({ socket: way, secureContext, rejectUnauthorized: false });
}

function attach(socket: WebSocket, handlers: SocketHandlers): LinkSocket {
  let failure: string | undefined;
  socket.on('open', () => handlers.onOpen());
  socket.on('message', (data, binary) => handlers.onMessage(binary ? undefined : textOf(data)));
  socket.on('pong', () => handlers.onPong());
  socket.on('error', (error) => (failure ??= error.message));
  socket.on('close', (code) => {
    handlers.onClose(failure ?? (code === 1000 ? undefined : `closed with code ${code}`));
  });
  return {
    send: (text) => socket.send(text, ignore),
    ping: () => socket.ping('', true, ignore),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: (code, reason) => socket.close(code, reason),
    terminate: () => socket.terminate(),
  };
}

/** A failed send is followed by `close`, which says so. */
const ignore = (): void => undefined;

/** ws gives one Buffer, with its default binaryType. */
const textOf = (data: RawData): string => (data as Buffer).toString('utf8');
