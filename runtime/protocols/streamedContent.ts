import { memberOf } from '../json/parsed.ts';

interface Block {
  type: string;
  text?: string;
  thinking?: string;
  /** JSON so far. */
  input?: string;
}

/** Largest content of an answer to keep, in characters. A longer one would not fit into an attribute of a span. */
export const KEPT_CONTENT = 128 * 1024;
/** What a block adds to its text. */
const BLOCK_SIZE = 64;

/** Members of a delta, with the field and the type of the block that they belong to. */
const PARTS = [
  ['text', 'text', 'text'],
  ['thinking', 'thinking', 'thinking'],
  ['partial_json', 'input', 'tool_use'],
] as const;

/** Assembles the beginning of an answer from the events of its stream, in order of its blocks. */
export class StreamedContent {
  readonly #blocks = new Map<number, Block>();
  #size = 0;

  /** Undefined before the first block. */
  get blocks(): readonly Block[] | undefined {
    return this.#blocks.size === 0 ? undefined : [...this.#blocks.values()];
  }

  event(type: string, data: unknown): void {
    if (type !== 'content_block_delta' || typeof data !== 'object' || data === null) return;
    const { index = 0 } = data as { index?: unknown };
    // A provider may send any value.
    if (typeof index !== 'number') return;
    const delta = memberOf(data, 'delta');
    for (const [member, field, kind] of PARTS) {
      const text = memberOf(delta, member);
      if (typeof text === 'string') this.#add(index, { field, kind, text });
    }
  }

  #add(
    index: number,
    { field, kind, text }: { field: 'text' | 'thinking' | 'input'; kind: string; text: string },
  ): void {
    // prettier-ignore
    const known = this.#blocks.get(index);
    const size = text.length + (known ? 0 : BLOCK_SIZE);
    this.#size += size;
    if (this.#size > KEPT_CONTENT) return;
    const block = known ?? { type: kind };
    block[field] = (block[field] ?? '') + text;
    this.#blocks.set(index, block);
  }
}
