import type { Logger } from 'pino';
import type { McpServerStatus } from '../../../contract/generated/types.ts';
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
  log: Pick<Logger, 'info' | 'warn'>;
}

/** The tools of one MCP server as it listed them last, and whether the model may have them. */
export class McpTools {
  readonly #deps: McpToolsDeps;
  #allowed: readonly ListedTool[] = [];
  /** Undefined before the first list. */
  #list: ToolList | undefined;
  #change: ToolChange | undefined;
  #changes = 0;
  /** The pinned hash: with any other the model gets no tools. */
  #pin: string | undefined;

  constructor(deps: McpToolsDeps) {
    this.#deps = deps;
  }

  /** The allowed tools; none if they are not the pinned ones. */
  get offered(): readonly ListedTool[] {
    return this.#withheld ? [] : this.#allowed;
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

  /** Applies a new list. */
  take(listed: readonly ListedTool[]): void {
    const { server, allowed, log, onToolsChanged } = this.#deps;
    const before = this.#withheld;
    this.#allowed = allowed ? listed.filter(({ name }) => allowed.includes(name)) : listed;
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
