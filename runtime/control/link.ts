import { constants, X509Certificate } from 'node:crypto';
import { createServer } from 'node:https';
import type { Server, ServerOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import type { RawData, WebSocket } from 'ws';
import type { Hello, Report } from '../../contract/generated/types.ts';
import {
  LINK_PATH,
  LINK_PROTOCOL,
  MAX_MESSAGE_BYTES,
  OPERATOR_COMMON_NAME,
} from '../../contract/link.ts';
import { bounded } from '../../listener/connections.ts';
import { parseJson } from '../json/parsed.ts';
import { isSignedBy } from './certificate.ts';
import type { ServerIdentity } from './certificate.ts';
import { inPieces } from './pieces.ts';

export interface ControlServerDeps {
  identity: ServerIdentity;
  /** The first message of each link; rejects without a token. */
  hello(): Promise<Hello>;
  /** The message after the Hello. */
  snapshot(): Report;
  /** Handles a message of the operator; undefined: it was no JSON. The result goes to that link only. */
  onMessage(message: unknown): Report | undefined;
  log: Logger;
  /** Interval between pings, in milliseconds. Drops a peer that missed one at the next. */
  pingMs?: number;
}

/** Time of a peer for its handshake, in milliseconds. */
const HANDSHAKE_MS = 10_000;
/** Largest backlog of a peer, in bytes; a slower reader counts as gone. */
const MAX_BACKLOG_BYTES = 16 * MAX_MESSAGE_BYTES;

/**
 * The control port: WebSocket links from the operator's leader, over TLS 1.3 with the operator's certificate. Two
 * links may be open while leaders change; both get every report.
 */
export class ControlServer {
  readonly server: Server;
  readonly #deps: ControlServerDeps;
  readonly #sockets: WebSocketServer;
  /** Links after their Hello. */
  readonly #links = new Set<WebSocket>();
  readonly #alive = new WeakSet<WebSocket>();
  /** Certificates of peers, DER. */
  readonly #shown = new WeakMap<WebSocket, Buffer>();
  readonly #ping: NodeJS.Timeout;
  #authority: string | undefined;

  constructor(deps: ControlServerDeps) {
    this.#deps = deps;
    this.server = createServer(tlsOptions(deps.identity, undefined), (_request, response) => {
      response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' });
      response.end('Only links of the operator are taken here.\n');
    });
    this.#sockets = new WebSocketServer({
      noServer: true,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      handleProtocols: (offered) => offered.has(LINK_PROTOCOL) && LINK_PROTOCOL,
    });
    bounded(this.server);
    this.server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket, head));
    this.server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
      deps.log.debug({ code: error.code }, 'Link was refused by TLS');
    });
    this.#ping = setInterval(() => this.#pingAll(), deps.pingMs ?? 10_000).unref();
  }

  /** Number of links after their Hello. */
  get links(): number {
    return this.#links.size;
  }

  /**
   * Replaces the trusted authorities, as PEM. Closes links whose certificate none of them has signed, because the key
   * of a removed authority may be stolen.
   */
  setAuthority(pem: string): void {
    try {
      // Throws without a certificate; Node.js would trust all public authorities for an empty text.
      void new X509Certificate(pem);
      this.server.setSecureContext(tlsOptions(this.#deps.identity, pem));
      this.#authority = pem;
      this.#deps.log.info('Authority was loaded');
      this.#dropUnknown(pem);
    } catch {
      this.#deps.log.error('Authority was refused because it is no PEM certificate');
    }
  }

  #dropUnknown(authorities: string): void {
    for (const link of this.#sockets.clients) {
      const shown = this.#shown.get(link);
      if (shown !== undefined && isSignedBy(authorities, shown)) continue;
      this.#deps.log.warn('Link was dropped because its authority is not known any more');
      link.terminate();
    }
  }

  /** Sends a report over all links. Returns the approximate number of bytes for each. */
  broadcast(report: Report): number {
    if (this.#links.size === 0) return 0;
    const texts = inPieces(report);
    for (const text of texts) for (const link of this.#links) this.#send(link, text);
    return texts.reduce((sum, { length }) => sum + length, 0);
  }

  async close(): Promise<void> {
    clearInterval(this.#ping);
    for (const link of this.#sockets.clients) link.close(1001, 'shutting down');
    this.#sockets.close();
    if (!this.server.listening) return;
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
      for (const link of this.#sockets.clients) link.terminate();
    });
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => undefined);
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#deps.log.warn({ reason: refusal }, 'Link was refused');
      socket.end(`HTTP/1.1 ${refusal}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (link) => {
      this.#shown.set(link, (request.socket as TLSSocket).getPeerCertificate().raw);
      this.#open(link).catch((error: unknown) => {
        this.#deps.log.error({ err: error }, 'Link could not be opened');
        link.close(1011, 'no hello');
      });
    });
  }

  /** Status line that refuses a link; undefined if it may open. TLS has verified the chain before. */
  #refusal(request: IncomingMessage): string | undefined {
    const socket = request.socket as TLSSocket;
    if (!this.#isOperator(socket)) return '403 Forbidden';
    if (request.url !== LINK_PATH) return '404 Not Found';
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',');
    const isOffered = offered.some((each) => each.trim() === LINK_PROTOCOL);
    return isOffered ? undefined : '400 Bad Request';
  }

  /** Checks again: the authority may have changed since the handshake. */
  #isOperator(socket: TLSSocket): boolean {
    if (this.#authority === undefined || !socket.authorized) return false;
    const { subject, raw } = socket.getPeerCertificate();
    return subject?.CN === OPERATOR_COMMON_NAME && isSignedBy(this.#authority, raw);
  }

  async #open(link: WebSocket): Promise<void> {
    // Listens before the first await, so that no early message or close is lost.
    link.on('error', (error) => this.#deps.log.info({ reason: error.message }, 'Link failed'));
    link.on('close', () => {
      if (this.#links.delete(link)) this.#deps.log.info('Link was closed');
    });
    link.on('pong', () => this.#alive.add(link));
    link.on('message', (data, isBinary) => this.#onMessage(link, data, isBinary));
    this.#alive.add(link);
    const hello = await this.#deps.hello();
    if (link.readyState !== link.OPEN) return;
    this.#send(link, JSON.stringify(hello));
    for (const text of inPieces(this.#deps.snapshot())) this.#send(link, text);
    this.#links.add(link);
    this.#deps.log.info('Link was opened');
  }

  #onMessage(link: WebSocket, data: RawData, isBinary: boolean): void {
    this.#alive.add(link);
    if (isBinary) {
      link.close(1003, 'text only');
      return;
    }
    const answer = this.#deps.onMessage(parseJson((data as Buffer).toString('utf8')));
    if (!answer) return;
    for (const text of inPieces(answer)) this.#send(link, text);
  }

  #send(link: WebSocket, text: string): void {
    if (link.bufferedAmount > MAX_BACKLOG_BYTES) link.terminate();
    else if (link.readyState === link.OPEN) link.send(text);
  }

  #pingAll(): void {
    for (const link of this.#sockets.clients) {
      if (!this.#alive.delete(link)) link.terminate();
      else link.ping();
    }
  }
}

function tlsOptions({ key, cert }: ServerIdentity, authority: string | undefined): ServerOptions {
  return {
    key,
    cert,
    // Without an authority it trusts only its own certificate. An absent `ca` would trust all public authorities.
    ca: authority ?? cert,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
    // A resumed session would skip the check against a changed authority.
    secureOptions: constants.SSL_OP_NO_TICKET,
    handshakeTimeout: HANDSHAKE_MS,
  };
}
