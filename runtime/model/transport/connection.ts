import type { Socket } from 'node:net';
import { Client } from 'undici';
import type { Dispatcher, buildConnector } from 'undici';

/** Least time in which a connection that the other side has closed shows that, in milliseconds. */
const LEAST_STALE_MS = 100;
/** Longest such time, however long it took to connect. */
const MOST_STALE_MS = 1000;

/** A handler that learns its connection before the request is sent. */
export interface ConnectionAwareHandler extends Dispatcher.DispatchHandler {
  onConnection?(connection: Connection): void;
}

/** The socket of a connection, and how long it took to open, in milliseconds. */
interface Wire {
  socket: Socket | undefined;
  roundTripsMs: number;
}

/** One kept-alive connection to an endpoint. It reopens after a close. */
export class Connection extends Client {
  /** Whether a whole answer has arrived since it was opened. */
  served = false;
  readonly #wire: Wire;

  /** `now`: monotonic clock in milliseconds. */
  constructor(origin: URL, options: Client.Options, now: () => number) {
    const wire: Wire = { socket: undefined, roundTripsMs: 0 };
    const connect = timed(options.connect as buildConnector.connector, wire, now);
    super(origin, { ...options, connect });
    this.#wire = wire;
    this.on('connect', () => {
      this.served = false;
    });
  }

  /**
   * Longest time from a request to the news that the other side had closed the connection before it, in milliseconds:
   * two round trips, or 100 ms.
   */
  get staleMs(): number {
    return Math.min(MOST_STALE_MS, Math.max(LEAST_STALE_MS, this.#wire.roundTripsMs));
  }

  /** Calls back when all that was sent so far is with the operating system: at once, if it is. */
  whenWritten(written: () => void): void {
    const { socket } = this.#wire;
    if (socket?.writableNeedDrain === true) socket.once('drain', written);
    else written();
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: ConnectionAwareHandler): boolean {
    handler.onConnection?.(this);
    return super.dispatch(options, handler);
  }
}

/** Opening a connection takes one round trip, and with TLS 1.3 two. */
function timed(
  connect: buildConnector.connector,
  wire: Wire,
  now: () => number,
): buildConnector.connector {
  return (target, callback) => {
    const began = now();
    connect(target, (...opened) => {
      wire.socket = opened[1] ?? undefined;
      wire.roundTripsMs = (now() - began) * (target.protocol === 'https:' ? 1 : 2);
      callback(...opened);
    });
  };
}
