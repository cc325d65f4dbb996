import type { Failure } from '../errors/failure.ts';
import type { Finding, Screen, Screened, TextOrigin, Told } from '../security/screening/screen.ts';
import { WITHHELD, fenced } from '../security/screening/screen.ts';
import type { ModelOutcome } from './environment.ts';
import type { Block } from './messages/messages.ts';
import type { ToolAnswer } from './tools/httpTool.ts';

export interface TurnScreenDeps {
  screen: Pick<Screen, 'look' | 'looksAt' | 'holdsAnswers' | 'prepare'>;
  told: Told;
  /** Whether a blocked result is fenced instead of replaced. */
  fences: boolean;
}

const USER: TextOrigin = { kind: 'UserInput' };
const DOCUMENT: TextOrigin = { kind: 'Documents' };
const ANSWER: TextOrigin = { kind: 'Answers' };

/** What a client is told of a text that is refused. */
export const BLOCKED: Readonly<Record<Finding, Failure>> = {
  PromptInjection: {
    reason: 'PromptBlocked',
    message:
      'The agent does not take this text: it looks like an attempt to give its model other instructions.',
  },
  Secret: {
    reason: 'PromptBlocked',
    message:
      'The agent does not take this text: it holds a secret, such as an API key. Leave it out.',
  },
};

const WITHHELD_ANSWER = '[This answer was withheld: it holds a secret.]';

/** Looks at what comes into a turn and out of it. */
export class TurnScreen {
  readonly #deps: TurnScreenDeps;

  constructor(deps: TurnScreenDeps) {
    this.#deps = deps;
  }

  /** Has what is needed load while the model answers. */
  prepare(): void {
    this.#deps.screen.prepare();
  }

  /** What a client says, as the model is to get it. */
  async prompt(
    content: string | Block[],
  ): Promise<{ content: string | Block[] } | { problem: Failure }> {
    const { screen } = this.#deps;
    if (!screen.looksAt(USER) && !screen.looksAt(DOCUMENT)) return { content };
    if (typeof content === 'string') {
      const screened = await this.#look(content, USER);
      return isPassed(screened) ? { content: screened.text } : { problem: BLOCKED[screened.by] };
    }
    const blocks: Block[] = [];
    for (const block of content) {
      const screened = await this.#block(block);
      if ('by' in screened) return { problem: BLOCKED[screened.by] };
      blocks.push(screened.block);
    }
    return { content: blocks };
  }

  /** What a tool returned, as the model is to get it. */
  async toolResult(answer: ToolAnswer, origin: TextOrigin): Promise<ToolAnswer> {
    if (!this.#deps.screen.looksAt(origin)) return answer;
    const { blocks = [], ...rest } = answer;
    // What is split over several texts is one text to the model.
    const texts = blocks.flatMap((block) => (block.type === 'text' ? [block.text] : []));
    const text = answer.blocks ? texts.join('\n') : answer.text;
    const screened = await this.#look(text, origin);
    if (screened.kind === 'Blocked') {
      const fences = this.#deps.fences && screened.by === 'PromptInjection';
      if (fences) return { ...rest, text: fenced(screened.text) };
      return { ...rest, text: WITHHELD[screened.by], isError: true };
    }
    if (screened.text === text) return answer;
    if (!answer.blocks) return { ...rest, text: screened.text };
    const others = blocks.filter(({ type }) => type !== 'text');
    return { ...answer, blocks: [{ type: 'text', text: screened.text }, ...others] };
  }

  /** Where an answer goes as it comes: nowhere, if it may be changed yet. */
  held(onText: (text: string) => void): (text: string) => void {
    return this.#deps.screen.holdsAnswers ? () => undefined : onText;
  }

  /** What the model answered, as the client is to get it; what was held is told now. */
  async outcome(outcome: ModelOutcome, onText: (text: string) => void): Promise<ModelOutcome> {
    const { screen } = this.#deps;
    if (!outcome.ok || !screen.looksAt(ANSWER)) return outcome;
    const isHeld = screen.holdsAnswers;
    const content = await this.#answer(outcome.message.content);
    for (const block of isHeld ? content : []) if (block.type === 'text') onText(block.text);
    return { ...outcome, message: { ...outcome.message, content } };
  }

  async #answer(content: Block[]): Promise<Block[]> {
    const blocks: Block[] = [];
    for (const block of content) {
      if (block.type !== 'text') {
        blocks.push(block);
        continue;
      }
      const screened = await this.#look(block.text, ANSWER);
      blocks.push({ ...block, text: isPassed(screened) ? screened.text : WITHHELD_ANSWER });
    }
    return blocks;
  }

  #look(text: string, origin: TextOrigin): Promise<Screened> {
    return this.#deps.screen.look(text, origin, this.#deps.told);
  }

  async #block(block: Block): Promise<{ block: Block } | { by: Finding }> {
    if (block.type === 'text') {
      const screened = await this.#look(block.text, USER);
      return isPassed(screened) ? { block: { ...block, text: screened.text } } : screened;
    }
    if (block.type !== 'document' || block.source.type !== 'text') return { block };
    const { source } = block;
    const screened = await this.#look(source.data, DOCUMENT);
    if (!isPassed(screened)) return screened;
    return { block: { ...block, source: { ...source, data: screened.text } } };
  }
}

function isPassed(screened: Screened): screened is Extract<Screened, { kind: 'Passes' }> {
  return screened.kind === 'Passes';
}
