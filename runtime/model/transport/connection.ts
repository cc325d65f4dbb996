import { Client } from 'undici';
import type { Dispatcher } from 'undici';

/** Told over which connection it goes, before it does. */
export interface Passenger extends Dispatcher.DispatchHandler {
  board?(connection: Connection): void;
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

  override dispatch(options: Dispatcher.DispatchOptions, passenger: Passenger): boolean {
    passenger.board?.(this);
    return super.dispatch(options, passenger);
  }
}
