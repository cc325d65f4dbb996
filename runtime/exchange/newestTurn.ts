import type { Span } from '../json/scan.ts';
import { JsonTree } from '../json/tree.ts';
import type { Node } from '../json/tree.ts';
import type { InjectionSource } from '../security/injection/detector.ts';

export interface SaidText {
  kind: InjectionSource;
  text: string;
}

export interface AskedTool {
  name: string;
  input: unknown;
}

/** The parts of a request that are screened. */
export interface NewestTurn {
  /** Texts since the last answer of the model, in order. */
  texts: SaidText[];
  /** Tools that the model asked for since a user's last message, in order. */
  tools: AskedTool[];
}

/** Screened bytes of JSON, for texts and for tools each. */
export const MAX_LOOKED_AT = 64 * 1024;
/** Number of newest messages that are screened. */
const MAX_MESSAGES = 64;
/** Largest number of values in messages, with keys. A conversation of a million tokens has fewer. */
export const MAX_MESSAGE_VALUES = 200_000;
/** Longest name of a tool, in bytes of JSON. */
const MAX_NAME = 512;

/** Reads the newest turn from the messages of a valid body; undefined if they have more than MAX_MESSAGE_VALUES. */
export function newestTurn(body: Buffer, messages: Span): NewestTurn | undefined {
  const tree = JsonTree.read(body, messages, MAX_MESSAGE_VALUES);
  return tree && turnIn(tree);
}

function turnIn(tree: JsonTree): NewestTurn {
  const messages = [...tree.elements(tree.root)].slice(-MAX_MESSAGES).map((message) => ({
    isModels: tree.is(tree.member(message, 'role'), 'assistant'),
    content: tree.member(message, 'content'),
  }));
  const spoke = messages.findLastIndex(({ isModels }) => isModels);
  const texts = new Texts(tree);
  for (const { content } of messages.slice(spoke + 1)) texts.read(content, 'UserInput');
  const tools = new Tools(tree);
  // Newest first: the bound drops the oldest.
  for (const { isModels, content } of messages.toReversed()) {
    if (content === undefined || !isModels) {
      if (content !== undefined && isOfUser(tree, content)) break;
      continue;
    }
    tools.read(content);
  }
  return { texts: texts.said, tools: tools.asked.reverse() };
}

/** Whether a message holds more than results of tools. */
function isOfUser(tree: JsonTree, content: Node): boolean {
  for (const block of tree.elements(content)) {
    if (tree.is(tree.member(block, 'type'), 'tool_result')) return false;
  }
  return true;
}

class Texts {
  readonly said: SaidText[] = [];
  readonly #tree: JsonTree;
  #left = MAX_LOOKED_AT;

  constructor(tree: JsonTree) {
    this.#tree = tree;
  }

  read(content: Node | undefined, kind: InjectionSource): void {
    if (content === undefined) return;
    if (this.#tree.isString(content)) return this.#add(content, kind);
    for (const block of this.#tree.elements(content)) this.#block(block, kind);
  }

  #block(block: Node, kind: InjectionSource): void {
    if (this.#left <= 0) return;
    const tree = this.#tree;
    const type = tree.member(block, 'type');
    if (tree.is(type, 'text')) this.#add(tree.member(block, 'text'), kind);
    else if (tree.is(type, 'tool_result')) this.read(tree.member(block, 'content'), 'ToolResults');
    else if (tree.is(type, 'search_result')) this.read(tree.member(block, 'content'), 'Documents');
    else if (tree.is(type, 'document')) this.#document(tree.member(block, 'source'));
  }

  #document(source: Node | undefined): void {
    const data = this.#tree.member(source, 'data');
    const isText = this.#tree.is(this.#tree.member(source, 'type'), 'text');
    if (data !== undefined && isText) this.#add(data, 'Documents');
    else this.read(this.#tree.member(source, 'content'), 'Documents');
  }

  #add(node: Node | undefined, kind: InjectionSource): void {
    if (this.#left <= 0 || !this.#tree.isString(node)) return;
    const { start, end } = this.#tree.span(node);
    const text = this.#tree.text(node, this.#left);
    this.#left -= end - start;
    if (text !== '') this.said.push({ kind, text });
  }
}

class Tools {
  /** Newest first. */
  readonly asked: AskedTool[] = [];
  readonly #tree: JsonTree;
  #left = MAX_LOOKED_AT;

  constructor(tree: JsonTree) {
    this.#tree = tree;
  }

  read(content: Node): void {
    const tree = this.#tree;
    for (const block of [...tree.elements(content)].reverse()) {
      const name = tree.member(block, 'name');
      const input = tree.member(block, 'input');
      if (name === undefined || input === undefined) continue;
      if (!tree.is(tree.member(block, 'type'), 'tool_use')) continue;
      const { start, end } = tree.span(block);
      this.#left -= end - start;
      if (this.#left < 0) return;
      this.asked.push({ name: tree.text(name, MAX_NAME), input: tree.value(input) });
    }
  }
}
