import type { Failure } from '../errors/failure.ts';
import { JsonUnescape } from '../json/unescape.ts';
import type { Finding, Screen, Screened, TextOrigin, Told } from '../security/screening/screen.ts';
import { WITHHELD, fenced } from '../security/screening/screen.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { ModelOutcome } from './environment.ts';
import type { Block, ToolUse } from './messages/messages.ts';
import type { ToolAnswer } from './tools/httpTool.ts';

export interface TurnScreenDeps {
  screen: Pick<Screen, 'look' | 'looksAt' | 'holdsAnswers' | 'prepare'>;
  told: Told;
  /** Whether a blocked result is fenced instead of replaced. */
  fences: boolean;
}

/** Where what the model answered goes. */
export interface AnswerDeps {
  onText: (text: string) => void;
  /** Whether the agent has a tool of that name. */
  isTool: (name: string) => boolean;
}

const USER: TextOrigin = { kind: 'UserInput' };
const DOCUMENT: TextOrigin = { kind: 'Documents' };
const ANSWER: TextOrigin = { kind: 'Answers' };
const ARGUMENTS: TextOrigin = { kind: 'ToolArguments' };

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

const NOT_CALLED: ToolAnswer = {
  outcome: IGNORED,
  text: 'The tool was not called: your arguments hold a secret, such as a key, and were left out. Go on without it, and send no secrets to tools.',
  isError: true,
};

/** Looks at what comes into a turn and out of it. */
export class TurnScreen {
  readonly #deps: TurnScreenDeps;
  /** Calls of tools in whose arguments a secret was found, by their ids, and whether they must not be made. */
  readonly #secretCalls = new Map<string, { isWithheld: boolean }>();

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

  /** Whether nobody but the tool may see the arguments of the call. */
  hidesArguments({ id }: ToolUse): boolean {
    return this.#secretCalls.has(id);
  }

  /** What the model is told of a call that must not be made; undefined when it may. */
  withheld({ id }: ToolUse): ToolAnswer | undefined {
    return this.#secretCalls.get(id)?.isWithheld === true ? NOT_CALLED : undefined;
  }

  /** What the model answered, as the client is to get it; what was held is told now. */
  async outcome(outcome: ModelOutcome, { onText, isTool }: AnswerDeps): Promise<ModelOutcome> {
    const { screen } = this.#deps;
    if (!outcome.ok || !(screen.looksAt(ANSWER) || screen.looksAt(ARGUMENTS))) return outcome;
    const isHeld = screen.holdsAnswers;
    const content = await this.#answer(outcome.message.content, isTool);
    for (const block of isHeld ? content : []) if (block.type === 'text') onText(block.text);
    return { ...outcome, message: { ...outcome.message, content } };
  }

  async #answer(content: Block[], isTool: AnswerDeps['isTool']): Promise<Block[]> {
    const blocks: Block[] = [];
    for (const block of content) {
      if (block.type === 'text') {
        const screened = await this.#look(block.text, ANSWER);
        blocks.push({ ...block, text: isPassed(screened) ? screened.text : WITHHELD_ANSWER });
      } else blocks.push(block.type === 'tool_use' ? await this.#toolUse(block, isTool) : block);
    }
    return blocks;
  }

  /** Arguments that must not reach the tool are kept nowhere. */
  async #toolUse(call: ToolUse, isTool: AnswerDeps['isTool']): Promise<ToolUse> {
    const { id, name, input } = call;
    if (!this.#deps.screen.looksAt(ARGUMENTS)) return call;
    // A name that the model makes up stands in no incident.
    const origin = isTool(name) ? { ...ARGUMENTS, names: [name] } : ARGUMENTS;
    const text = new JsonUnescape().push(JSON.stringify(input) ?? '');
    const screened = await this.#look(text, origin);
    if (isPassed(screened) && screened.hadSecret !== true) return call;
    const isWithheld = !isPassed(screened);
    this.#secretCalls.set(id, { isWithheld });
    return isWithheld ? { ...call, input: {} } : call;
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
