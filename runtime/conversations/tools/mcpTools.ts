import type { Logger } from 'pino';
import type { McpServerStatus } from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import type { KeptTools } from './keptList.ts';
import type { ListedTool } from './mcpResults.ts';
import { ToolList } from './toolList.ts';
import type { ToolChange } from './toolList.ts';

export interface McpToolsDeps {
  /** Name of the server. */
  server: string;
  /** Names of the tools that the model may use; all by default. */
  allowed: readonly string[] | undefined;
  /** The tools changed, or are not the pinned ones. */
  onToolsChanged: (server: string, withheld: boolean) => void;
  clock: Pick<Clock, 'date'>;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Largest age of a kept list that no pin confirms, in milliseconds. */
export const MCP_KEPT_MS = 24 * 3_600_000;

/** The tools of one MCP server as it listed them last, and whether the model may have them. */
export class McpTools {
  readonly #deps: McpToolsDeps;
  #allowed: readonly ListedTool[] = [];
  /** Undefined before the first list. */
  #list: ToolList | undefined;
  #change: ToolChange | undefined;
  #changes = 0;
  /** When the list was saved, if an earlier process fetched it. */
  #savedAt: number | undefined;
  /** The pinned hash: with any other the model gets no tools. */
  #pin: string | undefined;

  constructor(deps: McpToolsDeps) {
    this.#deps = deps;
  }

  /** The allowed tools; none if they are not the pinned ones, or those of a kept list that is too old. */
  get offered(): readonly ListedTool[] {
    const isTooOld = this.#savedAt !== undefined && this.#pin === undefined && !this.#isRecent;
    return this.#withheld || isTooOld ? [] : this.#allowed;
  }

  get known(): boolean {
    return this.#list !== undefined;
  }

  /** How often the tools have changed. */
  get changes(): number {
    return this.#changes;
  }

  /** Undefined before the first list. */
  get status(): Omit<McpServerStatus, 'stale' | 'protocolVersion'> | undefined {
    if (!this.#list) return undefined;
    return {
      name: this.#deps.server,
      ...{ toolsHash: this.#list.hash, tools: this.#list.size, withheld: this.#withheld },
      ...(this.#change && { change: this.#change }),
    };
  }

  /** Withholds the tools from the model unless their hash is this one. */
  pin(hash: string | undefined): void {
    if (hash === this.#pin) return;
    const before = this.#withheld;
    this.#pin = hash;
    this.#reportWithheld(before);
  }

  /** Takes the list of an earlier process if it is the pinned one, or nothing is pinned and it is recent. */
  takeKept({ tools, savedAt }: KeptTools): boolean {
    const { server, log } = this.#deps;
    const allowed = this.#filtered(tools);
    const list = new ToolList(allowed);
    this.#savedAt = savedAt;
    if (this.#pin === undefined ? !this.#isRecent : list.hash !== this.#pin) return false;
    this.#allowed = allowed;
    this.#list = list;
    const facts = { server, toolsHash: list.hash, savedAt: new Date(savedAt) };
    log.info(facts, 'Tools of an MCP server are those of its last list, since it tells none');
    return true;
  }

  /** Applies a list that the server sent. */
  take(listed: readonly ListedTool[]): void {
    const { server, log, onToolsChanged } = this.#deps;
    const before = this.#withheld;
    this.#savedAt = undefined;
    this.#allowed = this.#filtered(listed);
    const list = new ToolList(this.#allowed);
    const known = this.#list;
    this.#list = list;
    if (known && known.hash !== list.hash) {
      this.#change = list.since(known);
      this.#changes += 1;
      const facts = { server, toolsHash: list.hash, ...this.#change };
      log.warn(facts, 'Tools of an MCP server are others than before');
      // Reports a change that withholds the tools only once.
      if (before || !this.#withheld) onToolsChanged(server, this.#withheld);
    }
    this.#reportWithheld(before);
  }

  get #isRecent(): boolean {
    const ageMs = this.#deps.clock.date().getTime() - (this.#savedAt ?? NaN);
    return ageMs >= 0 && ageMs <= MCP_KEPT_MS;
  }

  #filtered(listed: readonly ListedTool[]): readonly ListedTool[] {
    const { allowed } = this.#deps;
    return allowed ? listed.filter(({ name }) => allowed.includes(name)) : listed;
  }

  get #withheld(): boolean {
    return this.#pin !== undefined && this.#list !== undefined && this.#list.hash !== this.#pin;
  }

  #reportWithheld(before: boolean): void {
    if (this.#withheld === before) return;
    const { server, log, onToolsChanged } = this.#deps;
    const facts = { server, toolsHash: this.#list?.hash, pinned: this.#pin };
    if (before) {
      log.info(facts, 'Tools of an MCP server are lent to the model again');
      return;
    }
    log.warn(facts, 'Tools of an MCP server are withheld: they are not those that are pinned');
    onToolsChanged(server, true);
  }
}
