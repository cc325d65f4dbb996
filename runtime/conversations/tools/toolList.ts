import { canonicalHash } from '../../../contract/canonical.ts';
import type { McpServerStatus } from '../../../contract/generated/types.ts';
import type { ListedTool } from './mcpResults.ts';

/** Differences between two lists of tools. */
export type ToolChange = NonNullable<McpServerStatus['change']>;

/** Largest number of names for each kind of change, and their length. */
const MAX_NAMED = 4;
const MAX_NAME = 64;

/** The tools as the model sees them, by their hashes. A change that alters no hash alters nothing for the model. */
export class ToolList {
  /** Hash of names, descriptions and input schemas, independent of the order of tools and of a schema's fields. */
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

  /** Changes since another list. */
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

/** The description of a tool for the model. */
export function describe(
  name: string,
  { description, title }: Pick<ListedTool, 'description' | 'title'>,
): string {
  return description ?? title ?? name;
}
