interface Block {
  type?: string;
  text?: string;
  thinking?: string;
  input?: unknown;
}

interface Delta {
  text?: string;
  thinking?: string;
  partial_json?: string;
}

/** Assembles the blocks of an answer from the events of its stream. */
export class StreamedContent {
  #blocks: Block[] | undefined;
  /** Received parts of tool inputs, by block. */
  readonly #inputs: string[] = [];

  /** Undefined before the first block. */
  get blocks(): Block[] | undefined {
    return this.#blocks?.map((block, index) => {
      const input = this.#inputs[index];
      return input === undefined ? block : { ...block, input };
    });
  }

  event(type: string, data: unknown): void {
    if (type !== 'content_block_delta' || typeof data !== 'object' || data === null) return;
    const { index = 0, delta = {} } = data as { index?: number; delta?: Delta };
    this.#blocks ??= [];
    const block = (this.#blocks[index] ??= { type: typeOf(delta) });
    this.#add(block, index, delta);
  }

  #add(block: Block, index: number, { text, thinking, partial_json: json }: Delta): void {
    if (text !== undefined) block.text = (block.text ?? '') + text;
    if (thinking !== undefined) block.thinking = (block.thinking ?? '') + thinking;
    if (json !== undefined) this.#inputs[index] = (this.#inputs[index] ?? '') + json;
  }
}

function typeOf({ thinking, partial_json: json }: Delta): string {
  if (json !== undefined) return 'tool_use';
  return thinking === undefined ? 'text' : 'thinking';
}
