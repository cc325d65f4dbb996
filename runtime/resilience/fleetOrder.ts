/**
 * What the leader of a fleet tells the circuit of one process. It takes precedence over the circuit's
 * own state until it lapses; a process that the leader does not reach continues alone.
 */
export interface FleetOrder {
  /** Open: rejects calls. Probe: of all processes only this one probes, one call at a time. */
  state: 'Open' | 'Probe';
  reason: string;
  /** When it lapses unless the leader repeats it, on the clock of the caller. */
  until: number;
  /** When the fleet probes next, as far as the leader knows. */
  retryAt: number;
  /** Of a probe: each grant is good for one outcome. */
  grant?: string;
}

/** Result of a granted probe. */
export interface FleetProbe {
  grant: string;
  outcome: 'Waiting' | 'Running' | 'Failed' | 'Succeeded';
}
