import type { Tool as ListedTool } from '@modelcontextprotocol/sdk/types.js';
import { canonicalHash } from '../../../contract/canonical.ts';
import type { McpServerStatus } from '../../../contract/generated/types.ts';

/** What another list of tools has that the one before had not. */
export type ToolChange = NonNullable<McpServerStatus['change']>;

/** Names of each sort that are told of a change, and their length. */
const MAX_NAMED = 4;
const MAX_NAME = 64;

/** Tools as the model gets to see them, by their hashes. What changes none of them changes nothing for the model. */
export class ToolList {
  /** Over names, descriptions and input schemas; neither the order of tools nor that of a schema's fields matters. */
  readonly hash: string;
  readonly #hashes: ReadonlyMap<string, string>;

  constructor(tools: readonly ListedTool[]) {
    const shown = tools.map(({ name, inputSchema, ...tool }): [string, string] => [
      name,
      canonicalHash({ name, description: describe(name, tool), inputSchema }),
    ]);
    this.#hashes = new Map(shown);
    this.hash = canonicalHash(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** What has changed since another list. */
  since(before: ToolList): ToolChange {
    const names = (of: ToolList, other: ToolList, changed: boolean): string[] =>
      [...of.#hashes]
        .filter(([name, hash]) => {
          const known = other.#hashes.get(name);
          return changed ? known !== undefined && known !== hash : known === undefined;
        })
        .slice(0, MAX_NAMED)
        .map(([name]) => name.slice(0, MAX_NAME));
    return {
      before: before.hash,
      added: names(this, before, false),
      removed: names(before, this, false),
      changed: names(this, before, true),
    };
  }
}

/** What the model is told that a tool is for. */
export function describe(
  name: string,
  { description, title }: Pick<ListedTool, 'description' | 'title'>,
): string {
  return description ?? title ?? name;
}
