import type { Report } from '../../contract/generated/types.ts';
import type { Leader } from '../guard/leader.ts';

/** The port to which links of the operator's leader lead. */
export interface LinkPort {
  /** Number of open links. */
  readonly links: number;
  broadcast(report: Report): number;
}

/** The leader of the fleet behind the control port, from the moment at which the port attaches itself. */
export class LeaderLink implements Leader {
  #port: LinkPort | undefined;

  attach(port: LinkPort): void {
    this.#port = port;
  }

  /** Whether a link is open. */
  get isOpen(): boolean {
    return this.#port !== undefined && this.#port.links > 0;
  }

  send(report: Report): void {
    this.#port?.broadcast(report);
  }
}
