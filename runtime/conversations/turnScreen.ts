import type { Failure } from '../errors/failure.ts';
import { JsonUnescape } from '../json/unescape.ts';
import type {
  Finding,
  Screen,
  Screened,
  TextOrigin,
  Detected,
} from '../security/screening/screen.ts';
import { WITHHELD, fenced } from '../security/screening/screen.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { ModelOutcome, TextReader } from './environment.ts';
import type { Block, ToolUse } from './messages/messages.ts';
import type { ToolAnswer } from './tools/httpTool.ts';

export interface TurnScreenDeps {
  screen: Pick<Screen, 'look' | 'looksAt' | 'holdsAnswers' | 'prepare'>;
  detected: Detected;
  /** Whether to fence a blocked result instead of replacing it. */
  fences: boolean;
}

export interface AnswerDeps {
  onText: (text: string) => void;
  /** Whether the agent has a tool of that name. */
  isTool: (name: string) => boolean;
}

const USER: TextOrigin = { kind: 'UserInput' };
const DOCUMENT: TextOrigin = { kind: 'Documents' };
const ANSWER: TextOrigin = { kind: 'Answers' };
const ARGUMENTS: TextOrigin = { kind: 'ToolArguments' };

/** Failures for refused texts. */
export const BLOCKED: Readonly<Record<Finding, Failure>> = {
  PromptInjection: {
    reason: 'PromptBlocked',
    message:
      'The agent does not take this text: it looks like an attempt to give its model other instructions.',
  },
  Unchecked: {
    reason: 'ScreenUnavailable',
    message: 'The agent cannot check this text at present. Send it again later.',
    retryAfterMs: 5000,
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

/** Screens the texts that enter and leave a turn. */
export class TurnScreen {
  readonly #deps: TurnScreenDeps;
  /** Calls with a secret in their arguments, by id, and whether they are withheld. */
  readonly #secretCalls = new Map<string, { isWithheld: boolean }>();

  constructor(deps: TurnScreenDeps) {
    this.#deps = deps;
  }

  /** Loads the screens while the model answers. */
  prepare(): void {
    this.#deps.screen.prepare();
  }

  /** The client's content for the model, after screening. */
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

  /** The result of a tool for the model, after screening. */
  async toolResult(answer: ToolAnswer, origin: TextOrigin): Promise<ToolAnswer> {
    if (!this.#deps.screen.looksAt(origin)) return answer;
    const { blocks = [], ...rest } = answer;
    // The model reads several texts as one.
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

  /** Receives the text of an answer as it comes, and drops it if screening may change it. */
  held(reader: TextReader): TextReader {
    return this.#deps.screen.holdsAnswers ? { ...reader, add: () => undefined } : reader;
  }

  /** Whether only the tool may see the arguments of the call. */
  hidesArguments({ id }: ToolUse): boolean {
    return this.#secretCalls.has(id);
  }

  /** The answer for the model in place of a forbidden call; undefined if the call may run. */
  withheld({ id }: ToolUse): ToolAnswer | undefined {
    return this.#secretCalls.get(id)?.isWithheld === true ? NOT_CALLED : undefined;
  }

  /** The model's answer for the client, after screening; sends the text that was held back. */
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
    for (const run of runsOfText(content)) {
      const [first] = run;
      if (first?.type === 'text') blocks.push(...(await this.#texts(run as TextBlock[])));
      else for (const block of run) blocks.push(await this.#other(block, isTool));
    }
    return blocks;
  }

  /** Screens adjacent blocks of text as one. They become one where that is not to go out as it is. */
  async #texts(run: readonly TextBlock[]): Promise<Block[]> {
    const text = run.map((block) => block.text).join('');
    const screened = await this.#look(text, ANSWER);
    if (isPassed(screened) && screened.text === text) return [...run];
    return [{ ...run[0]!, text: isPassed(screened) ? screened.text : WITHHELD_ANSWER }];
  }

  async #other(block: Block, isTool: AnswerDeps['isTool']): Promise<Block> {
    return block.type === 'tool_use' ? this.#toolUse(block, isTool) : block;
  }

  /** Drops arguments that must not reach the tool. */
  async #toolUse(call: ToolUse, isTool: AnswerDeps['isTool']): Promise<ToolUse> {
    const { id, name, input } = call;
    if (!this.#deps.screen.looksAt(ARGUMENTS)) return call;
    // A name that the model made up must not appear in incidents.
    const origin = isTool(name) ? { ...ARGUMENTS, names: [name] } : ARGUMENTS;
    const text = new JsonUnescape().push(JSON.stringify(input) ?? '');
    const screened = await this.#look(text, origin);
    if (isPassed(screened) && screened.hadSecret !== true) return call;
    const isWithheld = !isPassed(screened);
    this.#secretCalls.set(id, { isWithheld });
    return isWithheld ? { ...call, input: {} } : call;
  }

  #look(text: string, origin: TextOrigin): Promise<Screened> {
    return this.#deps.screen.look(text, origin, this.#deps.detected);
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

type TextBlock = Extract<Block, { type: 'text' }>;

/** The blocks in their order, with adjacent blocks of text together. */
function runsOfText(content: readonly Block[]): Block[][] {
  const runs: Block[][] = [];
  for (const block of content) {
    const last = runs.at(-1);
    if (last && block.type === 'text' && last[0]?.type === 'text') last.push(block);
    else runs.push([block]);
  }
  return runs;
}
