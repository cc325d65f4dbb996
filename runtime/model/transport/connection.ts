import { Client } from 'undici';
import type { Dispatcher } from 'undici';

/** A handler that learns which connection carries its request, before the request is sent. */
export interface ConnectionAwareHandler extends Dispatcher.DispatchHandler {
  onConnection?(connection: Connection): void;
}

/** One kept-alive connection to an endpoint, opened again when it was closed. */
export class Connection extends Client {
  /** Whether a whole answer has come over it since it was opened. */
  served = false;

  constructor(origin: URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.served = false;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: ConnectionAwareHandler): boolean {
    handler.onConnection?.(this);
    return super.dispatch(options, handler);
  }
}
