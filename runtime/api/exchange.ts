import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Client } from './clients/clients.ts';

/** One request to the agent's API, from its socket to its answer. */
export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  trace: RequestTrace;
  /** What was in force when it began; undefined before the first configuration. */
  snapshot: Snapshot | undefined;
}

/** A request whose client may use the route. */
export interface Admitted extends Exchange {
  client: Client;
  /** Aborts with a Cut when the client leaves or the process stops. */
  cut: AbortController;
}
