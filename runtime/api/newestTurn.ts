import type { Span } from '../json/scan.ts';
import { elementsOf, membersOf, scanObject, textOf } from '../json/scan.ts';
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

const MESSAGES: ReadonlySet<string> = new Set(['messages']);
const MESSAGE: ReadonlySet<string> = new Set(['role', 'content']);
const BLOCK: ReadonlySet<string> = new Set(['type', 'text', 'content', 'source']);
const SOURCE: ReadonlySet<string> = new Set(['type', 'data', 'content']);
const TOOL: ReadonlySet<string> = new Set(['type', 'name', 'input']);

/** Reads the newest turn of a request whose body is a JSON object. Parses nothing else of it. */
export function newestTurn(body: Buffer): NewestTurn {
  const span = scanObject(body, MESSAGES)?.members.get('messages');
  const elements = span ? [...elementsOf(body, span)].slice(-MAX_MESSAGES) : [];
  const messages = elements.map((element) => {
    const members = membersOf(body, element, MESSAGE);
    const role = members.get('role');
    return { isModels: role !== undefined && textOf(body, role) === 'assistant', content: members.get('content') }; // prettier-ignore
  });
  const spoke = messages.findLastIndex(({ isModels }) => isModels);
  const texts = new Texts(body);
  for (const { content } of messages.slice(spoke + 1))
    if (content) texts.read(content, 'UserInput');
  const tools = new Tools(body);
  // Newest first: the bound drops the oldest.
  for (const { isModels, content } of messages.toReversed()) {
    if (!content || !isModels) {
      if (content && texts.isOfUser(content)) break;
      continue;
    }
    tools.read(content);
  }
  return { texts: texts.said, tools: tools.asked.reverse() };
}

class Texts {
  readonly said: SaidText[] = [];
  readonly #body: Buffer;
  #left = MAX_LOOKED_AT;

  constructor(body: Buffer) {
    this.#body = body;
  }

  read(content: Span, kind: InjectionSource): void {
    if (this.#isText(content)) return this.#add(content, kind);
    for (const block of elementsOf(this.#body, content)) this.#block(block, kind);
  }

  /** Whether a message holds more than results of tools. */
  isOfUser(content: Span): boolean {
    if (this.#isText(content)) return true;
    for (const block of elementsOf(this.#body, content)) {
      const type = membersOf(this.#body, block, BLOCK).get('type');
      if (type && textOf(this.#body, type) === 'tool_result') return false;
    }
    return true;
  }

  #block(block: Span, kind: InjectionSource): void {
    const members = membersOf(this.#body, block, BLOCK);
    const type = members.get('type');
    const name = type ? textOf(this.#body, type) : '';
    const text = members.get('text');
    const content = members.get('content');
    const source = members.get('source');
    if (name === 'text' && text) this.#add(text, kind);
    else if (name === 'tool_result' && content) this.read(content, 'ToolResults');
    else if (name === 'search_result' && content) this.read(content, 'Documents');
    else if (name === 'document' && source) this.#document(source);
  }

  #document(source: Span): void {
    const members = membersOf(this.#body, source, SOURCE);
    const type = members.get('type');
    const data = members.get('data');
    const content = members.get('content');
    if (type && data && textOf(this.#body, type) === 'text') this.#add(data, 'Documents');
    else if (content) this.read(content, 'Documents');
  }

  #isText({ start }: Span): boolean {
    return this.#body[start] === QUOTE;
  }

  #add(span: Span, kind: InjectionSource): void {
    if (this.#left <= 0 || !this.#isText(span)) return;
    const text = beginningOf(this.#body, span, this.#left);
    this.#left -= span.end - span.start;
    if (text !== '') this.said.push({ kind, text });
  }
}

class Tools {
  /** Newest first. */
  readonly asked: AskedTool[] = [];
  readonly #body: Buffer;
  #left = MAX_LOOKED_AT;

  constructor(body: Buffer) {
    this.#body = body;
  }

  read(content: Span): void {
    for (const block of [...elementsOf(this.#body, content)].reverse()) {
      const members = membersOf(this.#body, block, TOOL);
      const type = members.get('type');
      const name = members.get('name');
      const input = members.get('input');
      if (!type || !name || !input || textOf(this.#body, type) !== 'tool_use') continue;
      this.#left -= input.end - input.start;
      if (this.#left < 0) return;
      const value = JSON.parse(this.#body.toString('utf8', input.start, input.end)) as unknown;
      this.asked.push({ name: textOf(this.#body, name), input: value });
    }
  }
}

const QUOTE = 0x22;
/** Longest part of a character that a cut can leave: \uD83D\uDE00. */
const MAX_CUT = 12;

/** The text of a string, up to `max` bytes of its JSON. */
function beginningOf(body: Buffer, { start, end }: Span, max: number): string {
  if (end - start <= max) return textOf(body, { start, end });
  for (let cut = 0; cut < MAX_CUT; cut += 1) {
    try {
      return JSON.parse(`${body.toString('utf8', start, start + max - cut)}"`) as string;
    } catch {
      // The cut is inside an escape: drops one more byte.
    }
  }
  return '';
}
