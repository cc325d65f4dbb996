import type { Logger } from 'pino';
import type { Current } from '../snapshot/snapshot.ts';
import type { Content, McpServerStatus, MountedKey } from '../../contract/generated/types.ts';
import { clientKey } from '../cache/key.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import type { ModelCaller } from '../model/caller.ts';
import type { TokenEstimator } from '../protocols/usage.ts';
import { BYTES_PER_TOKEN } from '../protocols/usage.ts';
import { roomFor } from './room.ts';
import type { Credential, Credentials } from '../mounts/credentials.ts';
import { headerValue, limitKeys } from '../model/transport/headers.ts';
import type { Network } from '../network/network.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import { IGNORED } from '../resilience/outcome.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Screen, TextOrigin } from '../security/screening/screen.ts';
import type { Environment, TurnContext } from './environment.ts';
import type { ConversationStore } from './stores/store.ts';
import type { ToolResult, ToolUse } from './messages/messages.ts';
import { AgentModel, loadSdk } from './agentModel.ts';
import { SystemPrompt } from './prompt.ts';
import { RunGuard } from './runGuard.ts';
import { Stores } from './stores/stores.ts';
import { Egress } from './tools/egress.ts';
import { keptInRedis } from './tools/keptList.ts';
import type { KeptValues } from './tools/keptList.ts';
import { GuardedCalls } from './tools/guardedCall.ts';
import type { ToolAnswer } from './tools/httpTool.ts';
import { readHeaders } from '../mounts/secretHeaders.ts';
import { endpointHeadersOf, secretHeadersOf } from './tools/secrets.ts';
import { McpServers } from './tools/mcpServers.ts';
import type { McpStats } from './tools/mcpServers.ts';
import { AllTools, HttpTools } from './tools/toolbox.ts';
import { ToolResults } from './tools/toolResults.ts';
import type { ToolContext, Tools } from './tools/toolbox.ts';
import { TurnScreen } from './turnScreen.ts';

export interface AgentDeps {
  guard: Guard;
  clock: Clock;
  caller: Pick<ModelCaller, 'call'>;
  byteBudget: ByteBudget;
  estimator: Pick<TokenEstimator, 'ratio'>;
  credentials: Pick<Credentials, 'read'>;
  network: Pick<Network, 'settings'>;
  /** Time to connect, in milliseconds. */
  connectMs: () => number;
  version: string;
  /** IP address of this pod. */
  self: string;
  /** Reports the end of a call of a tool. */
  onToolCall: (tool: string, status: ToolStatus, seconds: number) => void;
  /** Reports a change of an MCP server's tools. `withheld`: whether the model gets none of them. */
  onToolsChanged: (server: string, withheld: boolean) => void;
  onOutcome: (dependency: string, outcome: Outcome) => void;
  screen: Screen;
  current: Current;
  /** Largest size of conversations in memory, in bytes. */
  maxConversationBytes: number;
  /** Reports a conversation that expired. */
  onExpired: (id: string) => Promise<void>;
  /** Largest size of cached results of tools, in bytes. */
  maxToolResultBytes: number;
  /** Tools of the program. */
  programTools: Tools;
  /** Keeps values for the next process of the pod; absent: nothing outlives the process. */
  files?: KeptValues;
  log: Logger;
}

/**
 * How a call of a tool ended. `refused`: not made. `failed`: the tool's fault. `error`: the call's fault. `cached`:
 * the result of another call.
 */
export type ToolStatus = 'ok' | 'error' | 'failed' | 'refused' | 'cached';

/** Who calls tools, and under which configuration. */
export type ToolUser = Pick<
  TurnContext,
  'snapshot' | 'trace' | 'principal' | 'client' | 'clientHeaders' | 'mayUse'
>;

/** The tools of one request, and how it calls them. */
interface RequestTools {
  tools: Tools;
  screen: TurnScreen;
  isTool: (name: string) => boolean;
  run: (call: ToolUse, signal: AbortSignal) => Promise<EndedTool>;
}

/** The result of a call of a tool, and how the call ended. */
export interface EndedTool {
  result: ToolResult;
  status: ToolStatus;
}

interface ToolRun extends Omit<ToolContext, 'trace'> {
  tools: Tools;
  screen: TurnScreen;
  isTool: (name: string) => boolean;
  trace: RequestTrace;
  /** Answer of a call that could not be recorded. */
  unrecorded: ToolAnswer | undefined;
}

/** Replaces arguments with a secret in the audit. */
const HIDDEN_ARGUMENTS = 'left out: they hold a secret';

/** The agent itself: runs its conversations. */
export class Agent {
  readonly prompt: SystemPrompt;
  readonly toolResults: ToolResults;
  readonly #deps: AgentDeps;
  readonly #model: AgentModel;
  readonly #stores: Stores;
  readonly #egress: Egress;
  readonly #calls: GuardedCalls;
  readonly #mcp: McpServers;
  /** Built once for each configuration. */
  #tools: { content: Content; tools: Tools } | undefined;

  constructor(deps: AgentDeps) {
    const { clock, current } = deps;
    this.#deps = deps;
    this.#model = new AgentModel(deps.caller, deps.byteBudget);
    this.#egress = new Egress({
      bounds: () => current.content?.egress,
      network: deps.network,
    });
    this.#calls = new GuardedCalls(deps);
    this.toolResults = new ToolResults({
      now: () => clock.now(),
      maxBytes: deps.maxToolResultBytes,
    });
    this.#mcp = new McpServers({
      ...deps,
      calls: this.#calls,
      egress: this.#egress,
      results: this.toolResults,
      values: () => {
        const redis = this.#stores.redis(current.content);
        return redis ? keptInRedis(redis) : deps.files;
      },
    });
    this.prompt = new SystemPrompt(() => clock.now());
    this.#stores = new Stores({
      ...deps,
      idleTimeoutMs: () => this.#idleTimeoutMs(),
      tellsExpired: () => current.content?.audit !== undefined,
    });
  }

  /** The store of conversations in force. */
  store(): ConversationStore {
    return this.#stores.current(this.#deps.current.content);
  }

  /** Address of the pod that has a conversation; undefined if any pod can serve it. */
  ownerOf(id: string): string | undefined {
    return this.#stores.ownerOf(id, this.#deps.current.content);
  }

  /** Keys of ConfigMaps that the configuration names and that are not mounted. */
  missingConfigMaps(): MountedKey[] {
    const missing = this.prompt.missing(this.#deps.current.content?.conversation);
    return missing ? [missing] : [];
  }

  /** Resolves when the store of conversations answers; undefined when it is in this process. */
  reachStore(): Promise<void> | undefined {
    return this.#stores.reach(this.#deps.current.content);
  }

  /** Conversations in this process's memory. */
  conversations(): ReturnType<Stores['stats']> {
    return this.#stores.stats();
  }

  /** Reports the tools of MCP servers. */
  mcpServers(): McpServerStatus[] {
    return this.#mcp.statuses();
  }

  mcpStats(): McpStats[] {
    return this.#mcp.stats();
  }

  /** Resolves when everything is stored that belongs outside of this process. */
  settle(): Promise<void> {
    return this.#stores.settle();
  }

  async close(): Promise<void> {
    await Promise.all([this.#stores.close(), this.#mcp.close()]);
    await this.#egress.close();
  }

  apply(content: Content): void {
    this.#deps.screen.apply(content.security);
    this.#mcp.apply(content);
    this.toolResults.apply(content.toolCache);
    // Compiles schemas before the first call.
    this.#toolsOf(content);
    // Loads the SDK now, so that the first turn does not wait for it.
    if (content.conversation) void loadSdk();
  }

  #idleTimeoutMs(): number {
    return this.#deps.current.content?.conversation?.idleTimeoutMs ?? Infinity;
  }

  /** Mounted header values and passwords that the configuration names. */
  credentials(): { dependency: string; credential: Credential }[] {
    const content = this.#deps.current.content;
    const password = content?.redis?.password;
    const redis = password ? [{ dependency: 'Redis', credential: password }] : [];
    return [...redis, ...this.#headerCredentials(content)];
  }

  #headerCredentials(content: Content | undefined): ReturnType<Agent['credentials']> {
    const traces = {
      dependency: 'the collector of traces',
      headers: content?.telemetry.tracing?.headersFrom ?? [],
    };
    const all = content ? [...endpointHeadersOf(content), ...secretHeadersOf(content)] : [];
    return [...all, traces].flatMap(({ dependency, headers }) =>
      headers.map(({ credential }) => ({ dependency, credential })),
    );
  }

  /** Tells the guard the current credentials, so that it opens the gates of replaced ones. */
  useCredentials(): void {
    const { current, guard, credentials } = this.#deps;
    const { content } = current;
    for (const { dependency, headers } of content ? secretHeadersOf(content) : []) {
      const read = readHeaders(headers, credentials);
      if ('credential' in read && read.credential)
        guard.useCredential(dependency, read.credential.hash);
    }
  }

  /** Screens the texts of one turn. */
  screenOf({ snapshot, trace }: Pick<TurnContext, 'snapshot' | 'trace'>): TurnScreen {
    return new TurnScreen({
      screen: this.#deps.screen,
      detected: (detection) => trace.listener.detected(detection),
      fences: snapshot.content.security.promptInjection?.blockedResults === 'Fence',
    });
  }

  /** Watches the calls of one turn; undefined if the configuration does not ask for it. */
  runGuard({ snapshot, trace }: Pick<TurnContext, 'snapshot' | 'trace'>): RunGuard | undefined {
    const { runGuard } = snapshot.content.security;
    if (!runGuard) return undefined;
    const { clock } = this.#deps;
    const detected = trace.listener.detected.bind(trace.listener);
    return new RunGuard(runGuard, { now: () => clock.now(), detected });
  }

  /** What one turn may do. */
  environment(context: TurnContext): Environment {
    const { snapshot, conversation, usage, system, model, id, principal, clientHeaders } = context;
    const { trace, place } = context;
    const { clock } = this.#deps;
    const { timeouts } = snapshot.content;
    const { tools, screen, isTool, run } = this.#toolsFor(context);
    return {
      room: () =>
        roomFor(context, this.#deps.current.forNextCall(snapshot).endpoints, {
          ratio: this.#deps.estimator.ratio(model) / BYTES_PER_TOKEN,
          tools: tools.definitions,
        }),
      callModel: async (messages, text, signal) => {
        await this.#mcp.refresh(signal);
        const outcome = await this.#model.call({
          // A reload may have replaced the endpoints since the turn began.
          ...this.#deps.current.forNextCall(snapshot),
          model,
          maxTokens: conversation.maxTokens,
          ...(system !== undefined && { system }),
          tools: tools.definitions,
          messages,
          principal,
          clientHeaders,
          conversation: id,
          place,
          deadlineAt: clock.now() + timeouts.requestMs,
          signal,
          text: screen.held(text),
          trace,
          usage,
        });
        return screen.outcome(outcome, { onText: (each) => text.add(each), isTool });
      },
      runTool: async (call, signal) => (await run(call, signal)).result,
    };
  }

  /** Calls a tool outside of conversations; undefined if there is none of this name. Never rejects. */
  async callTool(
    user: ToolUser,
    call: Omit<ToolUse, 'type'>,
    signal: AbortSignal,
  ): Promise<EndedTool | undefined> {
    const { isTool, run } = this.#toolsFor(user);
    return isTool(call.name) ? run({ ...call, type: 'tool_use' }, signal) : undefined;
  }

  #toolsFor(user: ToolUser): RequestTools {
    const { snapshot, trace, principal, client, clientHeaders } = user;
    const { content } = snapshot;
    const tools = allowedTools(this.#toolsOf(content), user);
    const screen = this.screenOf(user);
    screen.prepare();
    const isTool = (name: string): boolean => tools.definitions.some((tool) => tool.name === name);
    const run: RequestTools['run'] = async (call, signal) => {
      const release = trace.listener.reserve();
      try {
        const { answer, status } = await this.#runTool(call, {
          timeoutMs: content.timeouts.toolMs,
          header: limitKeys(principal, (name) => headerValue(clientHeaders, name)),
          client: clientKey(principal, clientHeaders),
          caller: { ...client, principal, headers: clientHeaders },
          ...{ tools, screen, isTool, trace, signal },
          unrecorded: release ? undefined : UNRECORDED,
        });
        const screened = await screen.toolResult(answer, originOf(call, content));
        return { result: resultOf(call, screened), status };
      } finally {
        release?.();
      }
    };
    return { tools, screen, isTool, run };
  }

  #toolsOf(content: Content): Tools {
    if (this.#tools?.content !== content) {
      const { credentials, log } = this.#deps;
      const tools = new HttpTools(content, {
        calls: this.#calls,
        credentials,
        egress: this.#egress,
        results: this.toolResults,
        log,
      });
      this.#tools = { content, tools: new AllTools([tools, this.#mcp, this.#deps.programTools]) };
    }
    return this.#tools.tools;
  }

  async #runTool(
    call: ToolUse,
    { tools, screen, isTool, trace: request, unrecorded, ...context }: ToolRun,
  ): Promise<{ answer: ToolAnswer; status: ToolStatus }> {
    const { clock, onToolCall } = this.#deps;
    const began = clock.now();
    const trace = request.tool(call);
    const withheld = screen.withheld(call) ?? unrecorded;
    const running = withheld ?? tools.run(call, { ...context, trace });
    const answer = (await running) ?? unknownTool(call);
    const { isError, outcome, kept, misuse } = answer;
    // A name that the model made up must not become a label of a metric.
    const isNamed = withheld ? isTool(call.name) : running !== undefined;
    const name = isNamed ? call.name : 'unknown';
    const status = kept && !isError ? 'cached' : statusOf(outcome, isError);
    onToolCall(name, status, (clock.now() - began) / 1000);
    const input = screen.hidesArguments(call) ? HIDDEN_ARGUMENTS : call.input;
    request.listener.toolCalled({ name: call.name, input, status, misuse });
    trace.end(status, outcome.vote === 'failure' ? outcome.class : undefined);
    return { answer, status };
  }
}

function allowedTools(tools: Tools, { mayUse, trace }: ToolUser): Tools {
  if (!mayUse) return tools;
  return {
    get definitions() {
      return tools.definitions.filter(({ name }) => mayUse(name));
    },
    run: (call, context) => {
      if (mayUse(call.name)) return tools.run(call, context);
      // The model knows the tool from elsewhere. A name that it made up is no tool.
      if (!tools.definitions.some(({ name }) => name === call.name)) return undefined;
      trace.listener.denied({
        reason: 'Forbidden',
        message: 'The model asked for a tool that this client may not use.',
        asset: 'Tools',
        resource: { type: 'tool', name: call.name },
      });
      return undefined;
    },
  };
}

function resultOf({ id }: ToolUse, { text, blocks, isError }: ToolAnswer): ToolResult {
  return {
    type: 'tool_result',
    tool_use_id: id,
    ...(isError && { is_error: true }),
    content: blocks ?? text,
  };
}

/** Origin of the result of a call. */
function originOf({ name }: ToolUse, { tools = [], mcpServers = [] }: Content): TextOrigin {
  const own = { kind: 'ToolResults', names: [name] } as const;
  if (tools.some((tool) => tool.name === name)) return own;
  const server = mcpServers.find((each) => name.startsWith(`${each.name}__`));
  return server ? { kind: 'McpResults', names: [name, server.name] } : own;
}

const UNRECORDED: ToolAnswer = {
  outcome: IGNORED,
  text: 'The tool was not called: the agent cannot record calls at present, and must not make any without.',
  isError: true,
};

function unknownTool({ name }: ToolUse): ToolAnswer {
  return { outcome: IGNORED, text: `There is no tool named ${name}.`, isError: true };
}

function statusOf({ vote }: Outcome, isError: boolean): ToolStatus {
  if (vote === 'ok') return isError ? 'error' : 'ok';
  return vote === 'failure' ? 'failed' : 'refused';
}
