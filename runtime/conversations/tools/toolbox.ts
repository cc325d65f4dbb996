import type Anthropic from '@anthropic-ai/sdk';
import type { Logger } from 'pino';
import type { Content, Tool } from '../../../contract/generated/types.ts';
import { supported } from '../../guard/supported.ts';
import type { Credentials } from '../../mounts/credentials.ts';
import { IGNORED } from '../../resilience/outcome.ts';
import type { KnownClient } from '../../observe/trace/requestListener.ts';
import type { ToolTrace } from '../../observe/trace/toolTrace.ts';
import type { ToolUse } from '../messages/messages.ts';
import type { Egress } from './egress.ts';
import type { CallsTo, GuardedCalls } from './guardedCall.ts';
import { callHttpTool } from './httpTool.ts';
import type { ToolAnswer } from './httpTool.ts';
import { traceHeaders } from '../../model/transport/headers.ts';
import type { RawHeaders } from '../../model/transport/headers.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import { inputCheck, type InputCheck } from './inputCheck.ts';
import type { Input } from './template.ts';
import type { ToolResults } from './toolResults.ts';

/** The client for which a tool is called. */
export interface ToolCaller extends KnownClient {
  principal: string;
  headers: RawHeaders;
}

/** Context of a call of a tool. */
export interface ToolContext {
  timeoutMs: number;
  /** The client's header of a name in lower case, for limits by key. */
  header: (name: string) => string | undefined;
  /** Identifies the client. */
  client: readonly string[];
  /** Both are absent for calls that run no tool. */
  trace?: ToolTrace;
  caller?: ToolCaller;
  signal: AbortSignal;
}

/** Tools by their names for the model. */
export interface Tools {
  readonly definitions: readonly Anthropic.Tool[];
  /** Never rejects; undefined for an unknown tool. */
  run(call: ToolUse, context: ToolContext): Promise<ToolAnswer> | undefined;
}

export interface HttpToolsDeps {
  calls: GuardedCalls;
  credentials: Pick<Credentials, 'read'>;
  egress: Egress;
  results: Pick<ToolResults, 'answer'>;
  log: Pick<Logger, 'warn'>;
}

interface Known {
  tool: Tool;
  calls: CallsTo;
  /** Undefined if the schema cannot be compiled. */
  check: Promise<InputCheck | undefined>;
  /** The schema cannot be compiled. */
  refused: boolean;
  definition: Anthropic.Tool;
}

/** The tools over HTTP of one configuration. */
export class HttpTools implements Tools {
  readonly #deps: HttpToolsDeps;
  readonly #tools: Map<string, Known>;

  constructor(content: Content, deps: HttpToolsDeps) {
    this.#deps = deps;
    this.#tools = new Map(supported(content).tools.map((tool) => [tool.name, this.#known(tool)]));
  }

  /** Leaves out tools whose schema does not compile. */
  get definitions(): readonly Anthropic.Tool[] {
    return [...this.#tools.values()].flatMap(({ refused, definition }) =>
      refused ? [] : [definition],
    );
  }

  run({ name, input }: ToolUse, context: ToolContext): Promise<ToolAnswer> | undefined {
    const found = this.#tools.get(name);
    return found && this.#run(found, input, context);
  }

  async #run(found: Known, input: unknown, context: ToolContext): Promise<ToolAnswer> {
    const check = await found.check;
    if (check === undefined) return notMade('its schema cannot be used');
    const fault = check(input);
    if (fault !== undefined) {
      const answer = notMade(`its input does not fit its schema: ${fault}`);
      return { ...answer, misuse: 'ArgumentsRefused' };
    }
    return this.#call(found, input as Input, context);
  }

  #known(tool: Tool): Known {
    const { calls, log } = this.#deps;
    const { name, description, inputSchema } = tool;
    const known: Known = {
      tool,
      calls: calls.to(`tool/${name}`),
      check: inputCheck(inputSchema).catch((err: unknown) => {
        known.refused = true;
        log.warn({ tool: name, err }, 'Schema of a tool cannot be used');
        return undefined;
      }),
      refused: false,
      definition: {
        name,
        description,
        input_schema: inputSchema as Anthropic.Tool.InputSchema,
      },
    };
    return known;
  }

  #call({ tool, calls }: Known, input: Input, context: ToolContext): Promise<ToolAnswer> {
    const { credentials, egress, results } = this.#deps;
    const secret = readHeaders(tool.http.headersFrom, credentials);
    if ('missing' in secret) return Promise.resolve(notMade('a Secret of the agent is missing'));
    const plain = tool.http.headers.map(({ name, value }): [string, string] => [name, value]);
    const { trace } = context;
    const headers = [...plain, ...secret.headers, ...traceHeaders(trace?.context ?? {})];
    const { credential } = secret;
    const call = (signal: AbortSignal): Promise<ToolAnswer> =>
      calls.call({
        ...context,
        ...(credential && { credential }),
        signal,
        call: (bounded) => callHttpTool({ tool, input, headers, egress, signal: bounded }),
      });
    const { cache } = tool;
    if (!cache) return call(context.signal);
    const { client, signal } = context;
    const kept = { what: [tool.name, tool.http], ttlMs: cache.ttlMs, input };
    const secrets = credential?.hash ?? '';
    return results.answer({ ...kept, credential: secrets, client, signal, call });
  }
}

function notMade(why: string): ToolAnswer {
  return { outcome: IGNORED, text: `The tool was not called: ${why}.`, isError: true };
}

/** Tools of several kinds. Of two with one name the first counts. */
export class AllTools implements Tools {
  readonly #kinds: readonly Tools[];

  constructor(kinds: readonly Tools[]) {
    this.#kinds = kinds;
  }

  get definitions(): readonly Anthropic.Tool[] {
    const all = this.#kinds.flatMap(({ definitions }) => definitions);
    return [...new Map(all.toReversed().map((each) => [each.name, each])).values()].toReversed();
  }

  run(call: ToolUse, context: ToolContext): Promise<ToolAnswer> | undefined {
    for (const kind of this.#kinds) {
      const running = kind.run(call, context);
      if (running) return running;
    }
    return undefined;
  }
}
