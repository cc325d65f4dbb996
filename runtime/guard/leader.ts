import type { FleetReport, ProviderUse } from '../../contract/generated/types.ts';

/** The leader of the fleet, as this process reaches it. */
export interface Leader {
  /** Sends a report. Without a link it goes nowhere. */
  send(report: FleetReport | ProviderUse): void;
}

/** A process without links. */
export const NO_LEADER: Leader = { send: () => undefined };
