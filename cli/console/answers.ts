import type { Level } from '../view/columns.ts';
import type { StatusRow } from '../view/statusTable.ts';
import type { Trip } from '../view/trips.ts';
import type { Usage } from '../view/top.ts';

/** What the console's server sends to its page. Times are in RFC 3339. */

/** A line of the table: an agent with what is wrong in it, or a policy without an agent. */
export interface TableLine {
  /** Unique among all lines. */
  key: string;
  namespace: string;
  name: string;
  kind: 'agent' | 'policy';
  /** The gravest of the agent and its parts. */
  level: Level;
  state: string;
  pods?: string;
  since?: string;
  reason?: string;
  /** Closed circuits out of all, such as 2/3. */
  circuits?: string;
  /** Parts that are not well, the gravest first; at most MAX_PARTS. */
  parts: StatusRow[];
  /** Further parts that are not well. */
  more: number;
}

/** A change of the table. The first one has all lines. */
export interface TableChange {
  /** When the server wrote it. */
  at: string;
  /** Why the API server does not answer; absent if it does. */
  problem?: string;
  changed: TableLine[];
  /** Keys of lines that are gone. */
  gone: string[];
  /** The last transitions of circuits, the newest first, if they changed. */
  trips?: Trip[];
}

/** All about one agent. */
export interface AgentPage {
  rows: StatusRow[];
  /** What is wrong, the gravest first. */
  findings: { by: string; reason: string; message: string; since?: string }[];
  trips: Trip[];
  /** Policies of the agent as manifests in YAML. */
  policies: { kind: string; name: string; manifest: string }[];
}

/** Figures of an agent's pods at one moment. */
export interface UsagePage {
  at: string;
  usage: Usage;
  /** Pods that were not asked, because there are too many. */
  notAsked: number;
  /** Why pods did not answer. */
  failures: string[];
}

/** Lines of the log about one request. */
export interface RequestPage {
  lines: { pod: string; text: string }[];
}

/** What an edited manifest would change. */
export interface ChangesPage {
  /** What the operator would change, one text for each object. */
  effects: string[];
  /** Command that applies the edit. Absent if nothing changes, or without a cluster. */
  patch?: string;
  /** The manifests of this computer. Absent for a cluster. */
  path?: string;
}
